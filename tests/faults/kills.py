"""kill -9 of processes that write, again and again; the next ones repeat what had no answer."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.faults.judge import judge, start_writer
from tests.faults.writer import read_told, unanswered

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.figures import Figures


def run(url: str, told: Path, rounds: int, *, processes: int = 3, threads: int = 4) -> Figures:
    """Start writers, kill them one by one at moments of no plan, `rounds` times; then judge."""
    chance = random.Random(told.name)  # noqa: S311 (moments, not secrets)
    for number in range(rounds):
        again = unanswered(read_told(told))
        writers = [
            start_writer(
                url,
                told,
                f"r{number}p{process}",
                f"--threads={threads}",
                f"--again={','.join(again[process::processes])}",
            )
            for process in range(processes)
        ]
        _wait_until_told(writers, told)
        for writer in writers:
            time.sleep(chance.uniform(0, 0.1))
            writer.kill()
        _ended(writers)
    return replace(judge(url, read_told(told)), rounds=rounds)


def _wait_until_told(writers: Sequence[subprocess.Popen[str]], told: Path) -> None:
    """Until something was acknowledged in this round."""
    before = told.stat().st_size if told.exists() else 0
    while not told.exists() or b" ack " not in told.read_bytes()[before:]:
        assert all(writer.poll() is None for writer in writers), writers[0].communicate()
        time.sleep(0.01)


def _ended(writers: Sequence[subprocess.Popen[str]]) -> None:
    for writer in writers:
        _, errors = writer.communicate()
        assert (writer.returncode, errors) == (-signal.SIGKILL, "")
