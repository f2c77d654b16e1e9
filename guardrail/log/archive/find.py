"""Attempts of an archive one by one, found without its log."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError
from guardrail.log.archive.columns import joining_months
from guardrail.log.archive.duck import connected, explained
from guardrail.log.archive.folder import ATTEMPTS, Folder
from guardrail.log.query import AttemptFilter, AttemptRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from guardrail.log.keyring import Keyring

_NAMES = """attempt, "at", closed_at, operation, jurisdiction, tier, policy, "user",
 conversation, stage, action, rule, reason, outcome"""
_ENDS = """SELECT attempt, closed_at, stage, action, rule, reason, outcome
 FROM read_parquet($files) WHERE "at" IS NULL AND attempt IN (SELECT unnest($ids))"""
_LATER = ("closed_at", "stage", "action", "rule", "reason", "outcome")


@dataclass(frozen=True, slots=True)
class ArchivedAttempts:
    """The attempts of sealed months; what is read of the files once is kept while it is open."""

    path: Path
    _connection: DuckDBPyConnection
    _files: Sequence[str]

    def find(
        self, wanted: AttemptFilter | None = None, keys: Keyring | None = None
    ) -> list[AttemptRow]:
        """Attempts that match: what they are found by, without their entries.

        keys: needed to find a user or a conversation by its id.

        Raises ConfigurationError when a file cannot be read, or keys are missing.
        """
        wanted = wanted or AttemptFilter()
        final = _final(wanted)
        conditions, values = _conditions(wanted, keys)
        if final:
            same = " AND ".join(f"{name} = ${name}" for name in final)
            conditions.append(f"({same} OR outcome = '')")
        direction = "DESC" if wanted.newest_first else "ASC"
        limit = "" if final or wanted.limit is None else f"LIMIT {wanted.limit}"
        sql = (
            f"SELECT {_NAMES} FROM read_parquet($files) WHERE {' AND '.join(conditions)} "  # noqa: S608
            f'ORDER BY "at" {direction}, attempt {direction} {limit}'
        )
        found = [AttemptRow(*row) for row in self._rows(sql, {**values, **final})]
        kept = [
            row
            for row in self._ended(found)
            if all(getattr(row, name) == value for name, value in final.items())
        ]
        return kept[: wanted.limit]

    def _ended(self, found: Sequence[AttemptRow]) -> Iterator[AttemptRow]:
        """Attempts with the end that a later month has of them."""
        ids = [row.id for row in found if not row.outcome]
        rows = self._rows(_ENDS, {"ids": ids}) if ids else []
        ends = {attempt: dict(zip(_LATER, end, strict=True)) for attempt, *end in rows}
        for row in found:
            yield replace(row, **ends[row.id]) if row.id in ends else row

    def _rows(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        with explained(self.path):
            return self._connection.execute(sql, {"files": self._files, **values}).fetchall()


@contextmanager
def opened_archive(path: Path) -> Iterator[ArchivedAttempts]:
    """Open an archive to find attempts in; raises ConfigurationError when it is none."""
    folder = Folder(path)
    files = [str(folder.file(month, ATTEMPTS)) for month in joining_months(folder)]
    with connected() as connection:
        connection.execute("SET parquet_metadata_cache = true")
        yield ArchivedAttempts(path, connection, files)


def _final(wanted: AttemptFilter) -> dict[str, str]:
    """What the last decision must be: a later month may have it."""
    given = {
        "action": None if wanted.action is None else wanted.action.label,
        "rule": wanted.rule,
        "reason": wanted.reason,
        "outcome": "" if wanted.outcome == "open" else wanted.outcome,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def _conditions(wanted: AttemptFilter, keys: Keyring | None) -> tuple[list[str], dict[str, Any]]:
    user, conversation = wanted.user, wanted.conversation
    if (user or conversation) and keys is None:
        raise ConfigurationError("a user is found with the log's key file; it is not there")
    users = keys.users(user) if keys is not None and user else None
    talks = keys.conversations(conversation) if keys is not None and conversation else None
    place = wanted.jurisdiction and wanted.jurisdiction.strip().upper()
    given: dict[str, tuple[str, Any]] = {
        "since": ('"at" >= $since', wanted.since),
        "until": ('"at" < $until', wanted.until),
        "user": ('list_contains($user, "user")', users),
        "conversation": ("list_contains($conversation, conversation)", talks),
        "operation": ("operation = $operation", wanted.operation and wanted.operation.value),
        "place": ("starts_with(jurisdiction || '-', $place || '-')", place),
        "tier": ("tier = $tier", wanted.tier),
    }
    kept = {name: pair for name, pair in given.items() if pair[1] is not None}
    conditions = ['"at" IS NOT NULL', *(condition for condition, _ in kept.values())]
    return conditions, {name: value for name, (_, value) in kept.items()}
