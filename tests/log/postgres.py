"""A PostgreSQL server of the tests' own: on loopback, in memory where there is room."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

_SETTINGS = ("listen_addresses='127.0.0.1'", "unix_socket_directories=''", "max_connections=60")
_ROOM = 2 << 30
_INITDB = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")


class Server:
    """Started by `initdb` and `postgres`, as a user that is not root; `stop` removes it."""

    def __init__(self, *settings: str) -> None:
        self._bin = _programs()
        self._user = _user()
        memory = Path("/dev/shm")  # noqa: S108
        roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
        self.folder = Path(tempfile.mkdtemp(prefix="guardrail-pg-", dir=memory if roomy else None))
        if self._user is not None:
            os.chown(self.folder, self._user, -1)
        self.port = _free_port()
        self._databases = 0
        self._run("initdb", *_INITDB)
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{line}\n" for line in (f"port={self.port}", *_SETTINGS, *settings))
        self.start()

    def url(self, database: str, role: str = "postgres") -> str:
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-w", "-t", "60", "-l", str(self.folder / "log"), "start")

    def kill(self) -> None:
        """What a crash of the machine does to its processes: SIGKILL to all of them."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGSTOP)  # so that it makes no more of them
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        processes = [postmaster, *map(int, children)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(map(_is_alive, processes)):
            time.sleep(0.01)
        (self.folder / "data" / "postmaster.pid").unlink()  # else a zombie counts as one running

    def stop(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder)

    def create(self, template: str = "template0") -> str:
        """A new database, a copy of `template`."""
        self._databases += 1
        name = f"d{self._databases}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self.run("postgres", create.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, name: str) -> None:
        self.run("postgres", sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def cut(self, database: str) -> int:
        """End every connection to it; how many there were."""
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"
        return len(self.run("postgres", sql.SQL(cut).format(sql.Literal(database))))

    def run(self, database: str, *statements: sql.Composed | str) -> list[tuple[Any, ...]]:
        """What the last of them gives; as superuser, each by itself."""
        found: list[tuple[Any, ...]] = []
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            for statement in statements:
                query = statement.encode() if isinstance(statement, str) else statement
                cursor = connection.execute(query)
                found = cursor.fetchall() if cursor.description else []
        return found

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(
            [self._bin / program, "-D", self.folder / "data", *args],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            user=self._user,
            extra_groups=None if self._user is None else [],
        )


def _is_alive(process: int) -> bool:
    """A killed one that nobody has waited for is a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _programs() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    found = shutil.which("initdb")
    others = [Path(found).resolve()] if found else []
    for initdb in [*installed, *others]:
        if (initdb.with_name("pg_ctl")).exists():
            return initdb.parent
    message = "needs a PostgreSQL server: apt-get install postgresql"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def _user() -> int | None:
    """Whom the server runs as: it refuses root."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    pytest.skip("needs a user for the server that is not root")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
