"""kill -9 of processes that write, again and again; the next ones repeat what had no answer."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.faults.judge import judge, start_writers, until_told
from tests.faults.writer import read_told

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.figures import Figures

LINES = 100
PROCESSES = 3


def run(url: str, told: Path, rounds: int) -> Figures:
    """Start writers, kill them one by one at moments of no plan, `rounds` times; then judge."""
    chance = random.Random(rounds)  # noqa: S311 (moments, not secrets)
    for number in range(rounds):
        lines = len(read_told(told)) + LINES
        writers = start_writers(url, told, f"r{number}", PROCESSES, "--threads=4")
        until_told(told, lines, writers)
        for writer in writers:
            time.sleep(chance.uniform(0, 0.1))
            writer.kill()
        _ended(writers)
    return replace(judge(url, read_told(told)), rounds=rounds)


def _ended(writers: Sequence[subprocess.Popen[str]]) -> None:
    for writer in writers:
        _, errors = writer.communicate()
        assert (writer.returncode, errors) == (-signal.SIGKILL, "")
