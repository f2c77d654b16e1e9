"""A database server that is killed in the middle of batches, and started again."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tests.faults.judge import judge, start_writers, until_told
from tests.faults.writer import read_told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.faults.figures import Figures

LINES = 200
PROCESSES = 2
TRIES = 50


class Server(Protocol):
    """A server of the test's own, with fsync on."""

    def kill(self) -> None:
        """SIGKILL to all of its processes."""
        ...

    def start(self) -> None:
        """Start it, and wait until it answers."""
        ...


def run(url: str, told: Path, server: Server, rounds: int) -> Figures:
    """Kill the server under its writers `rounds` times; what had no answer is written again."""
    for number in range(rounds):
        lines = len(read_told(told)) + LINES
        writers = start_writers(url, told, f"r{number}", PROCESSES, "--threads=3", "--refusals=2")
        until_told(told, lines, writers)
        server.kill()
        if number % 2:  # the writers die with it; in the other rounds they see it go and come back
            _end(writers)
        _start(server)
        if not number % 2:
            _see_it_back(told, writers)
            _end(writers)
    return replace(judge(url, read_told(told)), rounds=rounds)


def _start(server: Server) -> None:
    """It refuses to start as long as one of its killed processes is still dying."""
    for _ in range(TRIES):
        with suppress(subprocess.CalledProcessError):
            server.start()
            return
        time.sleep(0.1)
    server.start()


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
