"""The connection to PostgreSQL: opened when needed, checked before it is trusted."""

from __future__ import annotations

import logging
import os
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import psycopg

from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.postgres.driver import Notices, Whole, identifier, options_of
from guardrail.log.session import StoreBusy, StoreDamaged, StoreFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from guardrail.log.location import Location

    Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

OLDEST = 140000  # PostgreSQL 14
_READING = """SET search_path = guardrail, pg_temp; SET client_encoding = 'UTF8';
 SET bytea_output = hex; SET lock_timeout = '10s'"""
_WRITING = """SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '15s';
 SELECT set_config('synchronous_commit', 'on', false)
 WHERE current_setting('synchronous_commit') <> 'remote_apply'"""
_SETTINGS = """SELECT current_setting('server_encoding'), current_setting('fsync'),
 current_setting('synchronous_commit'), current_setting('full_page_writes'),
 current_setting('transaction_read_only')"""
_ORIGIN = "SELECT value FROM meta WHERE key = 'origin'"
IS_THERE = """SELECT EXISTS (SELECT 1 FROM pg_tables
 WHERE schemaname = 'guardrail' AND tablename = 'meta')"""  # to_regclass answers from a cache
_MAY_WRITE = """SELECT current_user, has_table_privilege('entries', 'INSERT')
 AND has_function_privilege('make_month(bigint)', 'EXECUTE')"""
_BUSY = {"40001", "40P01", "53300", "55P03", "57014"}
_LOST = {"57P01", "57P02", "57P03", "57P05", "25P03"}
_DENIED = "42501"
_ABSENT = {"3F000", "42P01", "42703", "22021", "XX001", "XX002"}

_parents: list[Connection] = []  # of processes that forked without Python: never to be closed here
_logger = logging.getLogger(__name__)


class StoreLost(StoreBusy):
    """The connection is gone, and nothing was written: it may be tried again."""


class _Line:
    """A connection and the process that opened it; another, forked off, leaves it alone."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.pid = 0

    def is_foreign(self) -> bool:
        return self.connection is not None and self.pid != os.getpid()

    def close(self) -> None:
        foreign = self.is_foreign()
        connection, self.connection = self.connection, None
        if connection is None:
            return
        if foreign:
            _parents.append(connection)
            return
        with suppress(psycopg.Error, OSError):
            connection.close()


class Server:
    """One connection; one thread at a time may use it. What it raises is of `StoreFailed`'s kind.

    readonly: of the reading side, which may be a standby.
    """

    def __init__(self, location: Location, *, readonly: bool) -> None:
        self.name = location.name
        self._readonly = readonly
        self._options = options_of(location, readonly=readonly)
        self._line = _Line()
        self._origin = ""
        weakref.finalize(self, self._line.close)  # psycopg warns of one that is dropped open

    def connection(self) -> Connection:
        """The open connection, made anew where it was lost.

        Raises StoreLost, LogUnavailable when it is another log now, ConfigurationError when the
        server may not be trusted with one.
        """
        line = self._line
        if line.is_foreign():
            raise LogUnavailable(
                f"the attempt log {self.name} was opened before a fork that Python was not told "
                "of; start workers with os.fork or multiprocessing, or open the log in each"
            )
        if line.connection is None or line.connection.closed:
            line.close()
            line.connection, line.pid = self._open(), os.getpid()
        return line.connection

    def close(self) -> None:
        """Let go of it; what was begun is taken back."""
        self._line.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise what PostgreSQL says as StoreLost, StoreBusy, StoreDamaged or StoreFailed."""
        try:
            yield
        except psycopg.Error as error:
            self.refuse(error)

    def is_lost(self, error: psycopg.Error) -> bool:
        """Whether the connection went with the error."""
        connection = self._line.connection
        return error.sqlstate in _LOST or connection is None or connection.closed

    def refuse(self, error: psycopg.Error) -> NoReturn:
        """Raise `error` as what it means before COMMIT: nothing was written."""
        told = self._told(error)
        if self.is_lost(error):
            self.close()
            raise StoreLost(told) from None
        if error.sqlstate in _BUSY:
            raise StoreBusy(told) from None
        if error.sqlstate == _DENIED:
            raise ConfigurationError(
                f"the role of the attempt log {self.name} has not the rights it needs ({told}); "
                "grant those of a writer or an auditor; what erases and rotates is the role that "
                "owns its tables"
            ) from None
        raise (StoreDamaged if error.sqlstate in _ABSENT else StoreFailed)(told) from None

    def is_there(self) -> bool:
        """Whether the database holds a log."""
        with self.translated():
            row = self.connection().execute(IS_THERE).fetchone()
        return bool(row and row[0])

    def learn(self) -> None:
        """Remember which log this is, so that no other is taken for it after a reconnection."""
        connection = self._line.connection
        if not self._origin and connection is not None:
            with self.translated():
                self._check_same(connection)

    def rewrite(self, table: str) -> bool:
        """Write a table anew, outside of transactions: whether what was deleted is out of it.

        It is not while some transaction is older than the deletion. Raises ConfigurationError when
        another role owns it, StoreBusy when somebody reads it.
        """
        connection, notices = self.connection(), Notices()
        command = psycopg.sql.SQL("VACUUM (FULL, VERBOSE) {}").format(identifier(table))
        connection.add_notice_handler(notices)
        try:
            with self.translated():
                connection.execute("SET statement_timeout = 0")
                connection.execute(command)
                connection.execute("SET statement_timeout = '60s'")
        finally:
            connection.remove_notice_handler(notices)
        if notices.warnings:
            raise ConfigurationError(
                f"what was erased from {self.name} may still be in its files "
                f"({notices.warnings[0]}): run guardrail log scrub as the role that owns the "
                "log's tables"
            )
        return notices.left == 0

    def about(self) -> str:
        """Version, encryption and durability of the server, in one line."""
        connection = self.connection()
        with self.translated():
            found = connection.execute(_SETTINGS).fetchone() or ("",) * 5
        version = connection.info.parameter_status("server_version")
        tls = "TLS" if connection.pgconn.ssl_in_use else "no TLS"
        return f"{version}, {tls}, fsync {found[1]}, synchronous_commit {found[2]}"

    def _open(self) -> Connection:
        try:
            connection = psycopg.connect(autocommit=True, **self._options)
        except psycopg.Error as error:
            raise StoreLost(self._told(error)) from None
        try:
            self._check(connection)
        except psycopg.Error as error:
            told = self._told(error)
            lost = connection.closed
            connection.close()
            raise (StoreLost if lost else StoreFailed)(told) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: Connection) -> None:
        connection.adapters.register_loader("numeric", Whole)
        connection.execute(_READING if self._readonly else f"{_READING};{_WRITING}")
        found = connection.execute(_SETTINGS).fetchone()
        encoding, fsync, commits, pages, standby = found or ("",) * 5
        if connection.info.server_version < OLDEST or encoding != "UTF8":
            raise ConfigurationError(
                f"{self.name}: an attempt log needs PostgreSQL {OLDEST // 10000} or later and a "
                f"database in UTF8 (found {connection.info.server_version // 10000}, {encoding})"
            )
        if not self._readonly:
            self._check_durable(fsync, commits, pages, standby)
        self._check_same(connection)

    def _check_durable(self, fsync: str, commits: str, pages: str, standby: str) -> None:
        if standby == "on":
            raise StoreLost("the server is a standby, or its transactions are read-only")
        if fsync != "on" or commits not in {"on", "remote_apply"}:
            raise ConfigurationError(
                f"{self.name} can lose commits (fsync {fsync}, synchronous_commit {commits}): "
                "nothing it says is durable; turn fsync on in postgresql.conf"
            )
        if pages != "on":
            _logger.warning(
                "%s: full_page_writes is off: a power cut can damage the attempt log unless its "
                "file system never tears a page",
                self.name,
            )

    def _check_same(self, connection: Connection) -> None:
        """That it is the log of the first connection, and that a writer may write it."""
        if not (connection.execute(IS_THERE).fetchone() or (False,))[0]:
            if self._origin:
                raise LogUnavailable(f"{self.name} was moved, deleted or replaced while in use")
            return
        (origin,) = connection.execute(_ORIGIN).fetchone() or ("",)
        if self._origin and origin != self._origin:
            raise LogUnavailable(f"{self.name} was moved, deleted or replaced while in use")
        self._origin = origin
        if self._readonly:
            return
        role, may = connection.execute(_MAY_WRITE).fetchone() or ("", False)
        if not may:
            raise ConfigurationError(
                f"the role {role} may not write the attempt log {self.name}; grant it the rights "
                "of a writer"
            )

    def _told(self, error: psycopg.Error) -> str:
        """What it said in one line, without the password."""
        text = str(error.diag.message_primary or error).strip().partition("\n")[0]
        secret = str(self._options.get("password") or "")
        return text.replace(secret, "***") if secret else text or type(error).__name__
