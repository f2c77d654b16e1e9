"""Clocks that jump while a process writes (libfaketime)."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.log import open_log
from tests.faults.figures import Absent
from tests.faults.judge import judge, start_writer, until_told
from tests.faults.writer import read_told

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from tests.faults.figures import Figures

JUMPS = ("+0", "-3000d", "+9000d", "@1970-01-01 00:00:10")
PLACES = ("/usr/lib/*/faketime", "/usr/lib*/faketime", "/usr/local/lib/faketime")


def faked(clock: Path) -> dict[str, str]:
    """The environment of a process whose clock is what the file says; raises Absent."""
    found = [path for place in PLACES for path in Path("/").glob(f"{place[1:]}/libfaketime.so.1")]
    if not found:
        raise Absent("no libfaketime", "libfaketime")
    return {
        **os.environ,
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else threads wait for each other by the faked clock
        "TZ": "UTC",
    }


def run(url: str, folder: Path, checkpoint: Path, jumps: Sequence[str] = JUMPS) -> Figures:
    """Let the clock of a writer jump, each time after it wrote and signed; then kill and judge.

    What was signed before the first jump stays in `folder`/early.
    """
    clock, told = folder / "clock", folder / "told"
    open_log(url).shutdown()
    clock.write_text(jumps[0])
    writer = start_writer(url, told, "w", "--now", "--threads=2", env=faked(clock))
    try:
        for jump in jumps:
            clock.write_text(jump)
            until_told(told, len(read_told(told)) + 60, [writer])
            _until_signed(checkpoint, writer)
            if jump == jumps[0]:
                (folder / "early").write_bytes(checkpoint.read_bytes())
    finally:
        writer.kill()
        writer.communicate()
    return judge(url, read_told(told))


def _until_signed(checkpoint: Path, writer: subprocess.Popen[str]) -> None:
    before = checkpoint.read_bytes()
    while checkpoint.read_bytes() == before:
        assert writer.poll() is None, writer.communicate()
        time.sleep(0.02)
