"""A database server that is killed in the middle of batches, and started again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tests.faults.judge import judge, start_writer, until_told
from tests.faults.writer import read_told, unanswered

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.figures import Figures

LINES = 200


class Server(Protocol):
    """A server of the test's own, with fsync on."""

    def kill(self) -> None:
        """SIGKILL to all of its processes."""
        ...

    def start(self) -> None:
        """Start it, and wait until it answers."""
        ...


def run(url: str, told: Path, server: Server, rounds: int, *, processes: int = 2) -> Figures:
    """Kill the server under its writers `rounds` times; those killed with it write again."""
    for number in range(rounds):
        earlier = read_told(told)
        again = unanswered(earlier)
        writers = [
            start_writer(
                url,
                told,
                f"r{number}p{process}",
                "--threads=3",
                "--refusals=2",
                f"--again={','.join(again[process::processes])}",
            )
            for process in range(processes)
        ]
        until_told(told, len(earlier) + LINES, writers)
        server.kill()
        if number % 2:  # the writers die with it; in the other rounds they see it go and come back
            _end(writers)
        server.start()
        if not number % 2:
            _see_it_back(told, writers)
            _end(writers)
    return replace(judge(url, read_told(told)), rounds=rounds)


def _see_it_back(told: Path, writers: Sequence[subprocess.Popen[str]]) -> None:
    """Until they were answered again, or gave up."""
    lines = len(read_told(told)) + LINES
    while len(read_told(told)) < lines and any(writer.poll() is None for writer in writers):
        time.sleep(0.02)


def _end(writers: Sequence[subprocess.Popen[str]]) -> None:
    for writer in writers:
        writer.kill()
        _, errors = writer.communicate()
        assert "Traceback" not in errors, errors
