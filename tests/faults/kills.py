"""kill -9 of processes that write, again and again; the next ones repeat what had no answer."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.faults.judge import judge, start_writer, until_told
from tests.faults.writer import read_told, unanswered

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.figures import Figures

LINES = 100


def run(url: str, told: Path, rounds: int, *, processes: int = 3, threads: int = 4) -> Figures:
    """Start writers, kill them one by one at moments of no plan, `rounds` times; then judge."""
    chance = random.Random(told.name)  # noqa: S311 (moments, not secrets)
    for number in range(rounds):
        earlier = read_told(told)
        again, lines = unanswered(earlier), len(earlier)
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
        until_told(told, lines + LINES, writers)
        for writer in writers:
            time.sleep(chance.uniform(0, 0.1))
            writer.kill()
        _ended(writers)
    return replace(judge(url, read_told(told)), rounds=rounds)


def _ended(writers: Sequence[subprocess.Popen[str]]) -> None:
    for writer in writers:
        _, errors = writer.communicate()
        assert (writer.returncode, errors) == (-signal.SIGKILL, "")
