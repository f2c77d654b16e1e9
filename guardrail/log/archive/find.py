"""Attempts of an archive one by one, found without its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError
from guardrail.log.archive.columns import joining_months
from guardrail.log.archive.duck import connected, explained
from guardrail.log.archive.folder import ATTEMPTS, Folder
from guardrail.log.query import AttemptFilter, AttemptRow

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.log.keys import Keys

_LATER = ("stage", "action", "rule", "reason", "outcome")
_NAMES = (
    *("p.attempt", 'p."at"', "coalesce(l.closed_at, p.closed_at)", "p.operation"),
    *("p.jurisdiction", "p.tier", "p.policy", 'p."user"', "p.conversation"),
    *(f"coalesce(l.{name}, p.{name})" for name in _LATER),
)
_FROM = """FROM read_parquet($files) AS p LEFT JOIN
 (SELECT * FROM read_parquet($files) WHERE "at" IS NULL) AS l
 ON l.attempt = p.attempt AND p.outcome = ''"""


def archived_attempts(
    path: Path, wanted: AttemptFilter | None = None, keys: Keys | None = None
) -> list[AttemptRow]:
    """Attempts of sealed months that match: what they are found by, without their entries.

    keys: needed to find a user or a conversation by its id.

    Raises ConfigurationError when there is no archive, or one that cannot be read.
    """
    wanted = wanted or AttemptFilter()
    folder = Folder(path)
    files = [str(folder.file(month, ATTEMPTS)) for month in joining_months(folder)]
    conditions, values = _conditions(wanted, keys)
    order = "DESC" if wanted.newest_first else "ASC"
    limit = "" if wanted.limit is None else f"LIMIT {wanted.limit}"
    sql = (
        f"SELECT {', '.join(_NAMES)} {_FROM} WHERE {' AND '.join(conditions)} "
        f'ORDER BY p."at" {order}, p.attempt {order} {limit}'
    )
    with connected() as connection, explained(path):
        rows = connection.execute(sql, {"files": files, **values}).fetchall()
    return [AttemptRow(*row) for row in rows]


def _conditions(wanted: AttemptFilter, keys: Keys | None) -> tuple[list[str], dict[str, Any]]:
    user, conversation = wanted.user, wanted.conversation
    if (user or conversation) and keys is None:
        raise ConfigurationError("a user is found with the log's key file; it is not there")
    if keys is not None:
        user, conversation = keys.user(user or ""), keys.conversation(conversation or "")
    place = wanted.jurisdiction and wanted.jurisdiction.strip().upper()
    given: dict[str, tuple[str, Any]] = {
        "since": ('p."at" >= $since', wanted.since),
        "until": ('p."at" < $until', wanted.until),
        "user": ('p."user" = $user', user or None),
        "conversation": ("p.conversation = $conversation", conversation or None),
        "operation": ("p.operation = $operation", wanted.operation and wanted.operation.value),
        "place": ("starts_with(p.jurisdiction || '-', $place || '-')", place),
        "tier": ("p.tier = $tier", wanted.tier),
        "action": (_final("action"), None if wanted.action is None else wanted.action.label),
        "rule": (_final("rule"), wanted.rule),
        "reason": (_final("reason"), wanted.reason),
        "outcome": (_final("outcome"), "" if wanted.outcome == "open" else wanted.outcome),
    }
    kept = {name: pair for name, pair in given.items() if pair[1] is not None}
    conditions = ['p."at" IS NOT NULL', *(condition for condition, _ in kept.values())]
    return conditions, {name: value for name, (_, value) in kept.items()}


def _final(name: str) -> str:
    return f"coalesce(l.{name}, p.{name}) = ${name}"
