"""What the log needs of a database engine: sessions to read and write, a store to open them from.

SQL is the portable subset of SQLite and PostgreSQL: `?` stands for a value, times are integers,
`"user"` is quoted. What the engines say differently is a method of `Session`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterable, Sequence
    from contextlib import AbstractContextManager

    from guardrail.log.vault import Vault

Values: TypeAlias = "Sequence[Any]"
Unit = Literal["month", "day", "hour"]
T = TypeVar("T")


class StoreBusy(Exception):
    """Another program holds the log: nothing was written, and it may be tried again."""


class StoreFailed(Exception):
    """The engine failed: what reached the disk is unknown."""


class StoreDamaged(StoreFailed):
    """What is stored cannot be read as a log."""


class Session(Protocol):
    """Reading over one connection; raises StoreFailed."""

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """Every row."""
        ...

    def row(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        ...

    def value(self, sql: str, values: Values = ()) -> Any:
        """The first column of the first row; None without one."""
        ...

    def damage(self) -> list[str]:
        """What the engine itself finds wrong with its tables and indexes, a few lines at most."""
        ...

    def octets(self, column: str) -> str:
        """SQL that gives a text column as UTF-8, also where it is none."""
        ...

    def clock(self, unit: Unit, hour: str) -> str:
        """SQL that writes hours since the epoch as `2026-01`, `2026-01-16`, `2026-01-16T09:00Z`."""
        ...


class WriteSession(Session, Protocol):
    """Writing as the only writer; each statement is durable by itself unless `begin` was called.

    Raises StoreBusy when another program holds the log, and StoreFailed.
    """

    def retried(self, run: Callable[[], T]) -> T:
        """Call `run`, a whole transaction; again where nothing of it can have been written."""
        ...

    def begin(self) -> None:
        """Start a transaction, as the only one that writes."""
        ...

    def commit(self) -> None:
        """Make it durable; it is when this returns."""
        ...

    def rollback(self) -> None:
        """Take it back, if one was begun."""
        ...

    def execute(self, sql: str, values: Values = ()) -> None:
        """Run one statement."""
        ...

    def many(self, sql: str, rows: Sequence[Values]) -> None:
        """Run one statement for every row."""
        ...

    def insert(self, table: str, rows: Sequence[Values]) -> None:
        """Add rows, all columns in their order, in the way that is fastest."""
        ...

    def known(self, attempts: Iterable[str]) -> list[tuple[str, int | None, int | None]]:
        """Those attempts that are there, with the numbers of their opening and their end."""
        ...


class Store(Protocol):
    """One log as this process holds it; closed before every fork, open again when needed.

    name: the log as messages call it. lock: hold it around `exclusive` and `close`.
    before_fork, after_fork: called in the parent, without the lock; on_fork: in a forked child.
    """

    name: str
    lock: threading.Lock
    before_fork: Callable[[], None] | None
    after_fork: Callable[[], None] | None
    on_fork: Callable[[], None] | None

    def exclusive(self) -> AbstractContextManager[WriteSession]:
        """Wait until no other process on this machine writes; raises StoreBusy, StoreFailed.

        Raises LogUnavailable when it is not the same log any more, or cannot be waited for.
        """
        ...

    def appending(self) -> AbstractContextManager[WriteSession]:
        """As `exclusive`; what was committed is durable once it ended, and not before."""
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """Read one moment of the log; takes the lock. Raises LogUnavailable, ConfigurationError."""
        ...

    def touch(self, session: WriteSession) -> None:
        """Make a change durable that changes nothing, inside `exclusive`; raises StoreFailed.

        Raises LogUnavailable when the disk has hardly any room left.
        """
        ...

    def tidy(self, *, closing: bool = False) -> None:
        """What is due between batches, inside `exclusive`; raises StoreFailed."""
        ...

    def close(self) -> None:
        """Let go of everything; what was begun is taken back."""
        ...

    def is_new(self) -> bool:
        """Whether there is no log yet; raises LogUnavailable."""
        ...

    def prepare(self) -> None:
        """Make room for a new log, durably; harmless where there is one."""
        ...

    def schema(self, session: Session) -> int:
        """The schema of what is there, 0 for nothing; raises ConfigurationError if it is no log."""
        ...

    def create(self, session: WriteSession) -> None:
        """Make the tables of the newest schema, inside a transaction."""
        ...

    def upgrade(self, session: WriteSession, verifier_key: str, vault: Vault) -> None:
        """Bring an older schema up, each step in a transaction of its own. Raises EvidenceError.

        verifier_key: of the key that will sign. vault: seals what was sealed in an older way.
        """
        ...

    def fold(self) -> None:
        """Empty the journal into the database, inside `exclusive` and no transaction.

        Raises StoreBusy when somebody reads all the while, StoreFailed.
        """
        ...

    def holds(self, needles: Collection[bytes]) -> bool:
        """Whether the files may hold any of these, as far as they can be searched; no lock."""
        ...

    def scrub(self, needles: Collection[bytes] | None) -> None:
        """Leave nothing of deleted rows in the files, inside `exclusive` and no transaction.

        needles: bytes that were deleted, to look for; None: rewrite everything. An engine that
        keeps old versions of rows removes them here, and says in its documentation what it cannot
        reach. Raises StoreBusy when somebody reads all the while, LogUnavailable when some are
        left, StoreFailed.
        """
        ...

    def explained(self) -> AbstractContextManager[None]:
        """Raise what goes wrong inside as ConfigurationError or LogUnavailable, in one line."""
        ...
