from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guardrail.log import Log, open_log
from tests.log.support import ROOT, Daemon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "attempts.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def log(url: str) -> Iterator[Log]:
    with open_log(url) as found:
        yield found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a tmpfs with the given options; skips where mounting is not allowed."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, check=False, capture_output=True)
        except FileNotFoundError:
            pytest.skip("needs the mount command")
        if done.returncode:
            pytest.skip("needs the right to mount a tmpfs")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


@pytest.fixture
def sock(tmp_path: Path) -> Path:
    return tmp_path / "log.sock"


@pytest.fixture
def start(url: str, sock: Path) -> Iterator[Callable[[], Daemon]]:
    """Starts the daemon as an operator does; whatever still runs is killed at the end."""
    started: list[Daemon] = []

    def begin() -> Daemon:
        command = [sys.executable, "-m", "guardrail", "log", "writer"]
        command += ["--log", url, "--listen", str(sock)]
        daemon = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        started.append(daemon)
        assert daemon.stderr is not None
        line = daemon.stderr.readline()
        assert line == f"writing for {sock}\n", line + daemon.stderr.read()
        return daemon

    yield begin
    for daemon in started:
        if daemon.poll() is None:
            daemon.kill()
            daemon.communicate()
        assert daemon.stderr is not None
        daemon.stderr.close()


@pytest.fixture
def daemon(start: Callable[[], Daemon]) -> Daemon:
    return start()
