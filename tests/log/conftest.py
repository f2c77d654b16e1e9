from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guardrail.log import Log, locate, open_log
from tests.log.engines import Databases, Engine, drop, make, url_of
from tests.log.postgres import Server
from tests.log.support import ROOT, Daemon


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module that names its ENGINES once for each, but for `sqlite_only`."""
    engines = getattr(metafunc.module, "ENGINES", ())
    if engines and "engine" in metafunc.fixturenames and "sqlite_only" not in metafunc.fixturenames:
        metafunc.parametrize("engine", engines, indirect=True, scope="session")


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The server of this run, started when it is first asked for."""
    started: list[Server] = []

    def server() -> Server:
        if not started:
            started.append(Server())
        return started[0]

    yield server
    for found in started:
        found.stop()


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = getattr(request, "param", "sqlite")
    return found


@pytest.fixture
def sqlite_only() -> None:
    """For a test of SQLite's files among those of every engine."""


@pytest.fixture
def path(tmp_path: Path, engine: Engine, databases: Databases) -> Iterator[Path]:
    """What the names of a log's files begin with; for SQLite, its database."""
    path = tmp_path / "attempts.db"
    make(path, engine, databases)
    yield path
    drop(path)


@pytest.fixture
def url(path: Path) -> str:
    return url_of(path)


@pytest.fixture
def log(url: str) -> Iterator[Log]:
    with open_log(url) as found:
        yield found


@pytest.fixture
def server(databases: Databases) -> Server:
    return databases()


@pytest.fixture
def database(url: str) -> str:
    return locate(url).server.rpartition("/")[2]


@pytest.fixture
def own_server() -> Iterator[Callable[..., Server]]:
    """A server that a test may kill."""
    started: list[Server] = []

    def start(*settings: str) -> Server:
        started.append(Server(*settings))
        return started[-1]

    yield start
    for found in started:
        found.stop()


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
