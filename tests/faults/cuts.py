"""Power cuts: an ext4 that is shut down without its journal while processes write to it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail.log import open_log
from tests.faults.disks import ext4
from tests.faults.figures import Figures
from tests.faults.judge import judge, start_writers, until_told
from tests.faults.writer import read_told

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.disks import Disk

LINES = 300
PROCESSES = 2


def run(folder: Path, rounds: int) -> Figures:
    """Cut the power `rounds` times under the same log; judge everything after each.

    A file that was written without fsync is lost each time, or the cut was none.
    """
    found, told = Figures(), folder / "told"
    with ext4(folder) as disk:
        url = f"sqlite:///{disk.folder}/log/attempts.db"
        open_log(url).shutdown()
        for number in range(rounds):
            before = _round(disk, url, told, f"r{number}")
            _forget_late(told, before)
            found = judge(url, read_told(told))
    return replace(found, rounds=rounds)


def _round(disk: Disk, url: str, told: Path, name: str) -> int:
    """Write, cut, mount again; the time just before the cut is returned."""
    lines = len(read_told(told)) + LINES
    writers = start_writers(url, told, name, PROCESSES, "--threads=3")
    until_told(told, lines, writers)
    careless = disk.folder / f"careless-{name}"
    careless.write_bytes(b"never synced")
    before = time.monotonic_ns()
    disk.cut()
    for writer in writers:
        writer.kill()
        writer.communicate()
    disk.unmount()
    disk.check()
    disk.mount()
    assert not careless.exists() or not careless.read_bytes()
    return before


def _forget_late(told: Path, before: int) -> None:
    """An acknowledgement that came after the cut is none: nobody can have had it."""
    kept = [line for line in read_told(told) if line.what != "ack" or line.at < before]
    text = "".join(f"{line.at} {line.what} {line.event} {line.id}\n" for line in kept)
    told.write_text(text, "utf-8")
