"""Finding attempts: what to look for, what comes back, and the SQL between."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

    from guardrail.log.database import Database
    from guardrail.log.keys import Keys
    from guardrail.records import Action, Operation, Outcome

PAGE = 500

_COLUMNS = (
    "a.attempt, a.at, c.at, a.operation, a.jurisdiction, a.tier, a.policy, a.user, "
    "a.conversation, a.stage, a.action, a.rule, a.reason, a.outcome, o.body, c.body"
)
_SELECT = f"""
SELECT {_COLUMNS} FROM attempts AS a
 LEFT JOIN entries AS o ON o.seq = a.opened_seq
 LEFT JOIN entries AS c ON c.seq = a.closed_seq"""  # noqa: S608 (fixed names)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFilter:
    """Which attempts to read; None leaves a field open, and all that are given must hold.

    since, until: of the opening, nanoseconds since the epoch, UTC; `until` is exclusive.
    action, rule, reason: of the final decision, or of the first while the attempt is open.
    jurisdiction: also matches its parts (`US` finds `US-CA`); empty: unknown.
    user, conversation: ids in the clear; they are hashed to look them up.
    outcome: `open` finds attempts in flight or lost.
    limit: at most this many.
    """

    since: int | None = None
    until: int | None = None
    action: Action | None = None
    rule: str | None = None
    reason: str | None = None
    operation: Operation | None = None
    jurisdiction: str | None = None
    tier: str | None = None
    user: str | None = None
    conversation: str | None = None
    outcome: Outcome | Literal["open"] | None = None
    limit: int | None = None
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt as kept: the fields it is searched by, and its entries in full.

    at, closed_at: nanoseconds since the epoch, UTC. closed_at: None while in flight, or if lost.
    stage, action, rule, reason: of the final decision, or of the first while open.
    outcome: empty while open. user, conversation: pseudonyms.
    opened_json, closed_json: the entries as written; None where there is none.
    """

    id: str
    at: int
    closed_at: int | None
    operation: str
    jurisdiction: str
    tier: str
    policy: str
    user: str
    conversation: str
    stage: str
    action: str
    rule: str
    reason: str
    outcome: str
    opened_json: str | None = field(default=None, repr=False)
    closed_json: str | None = field(default=None, repr=False)

    @property
    def opened(self) -> dict[str, Any]:
        """The opening, also where only the end made the attempt worth keeping."""
        if self.opened_json is not None:
            return _read(self.opened_json)
        found: dict[str, Any] = _read(self.closed_json or "{}").get("opened", {})
        return found

    @property
    def closed(self) -> dict[str, Any] | None:
        """The end, or None while in flight or if lost."""
        if self.closed_json is None:
            return None
        return {name: value for name, value in _read(self.closed_json).items() if name != "opened"}

    def summary(self) -> dict[str, Any]:
        """The searchable fields, ready for JSON; times as text."""
        fields = {name: getattr(self, name) for name in self.__slots__[:14]}
        closed = None if self.closed_at is None else iso(self.closed_at)
        return {
            **fields,
            "at": iso(self.at),
            "closed_at": closed,
            "outcome": self.outcome or "open",
        }


def read_attempts(
    database: Database, wanted: AttemptFilter, keys: Keys | None
) -> Iterator[AttemptRow]:
    """Matching attempts in order of opening, a page at a time; needs `keys` to find a user."""
    conditions, values = _conditions(wanted, keys)
    order, beyond = ("DESC", "<") if wanted.newest_first else ("ASC", ">")
    left = wanted.limit
    after: tuple[object, ...] = ()
    while left is None or left > 0:
        page = PAGE if left is None else min(left, PAGE)
        where = [*conditions, f"(a.at, a.attempt) {beyond} (?, ?)"] if after else conditions
        sql = f"{_SELECT} {_where(where)} ORDER BY a.at {order}, a.attempt {order} LIMIT ?"
        with database.lock:
            rows = database.connection().execute(sql, (*values, *after, page)).fetchall()
        yield from map(_row, rows)
        if len(rows) < page:
            return
        after = (rows[-1][1], rows[-1][0])
        left = None if left is None else left - len(rows)


def find_attempts(database: Database, part: str) -> list[AttemptRow]:
    """The first two attempts whose id is, else begins, else ends with `part`."""
    begins = """substr(a.attempt, 1, length(?1)) = ?1
     AND a.attempt >= ?1 AND a.attempt < ?1 || char(1114111)"""
    with database.lock:
        connection = database.connection()
        for where in ("a.attempt = ?1", begins, "substr(a.attempt, -length(?1)) = ?1"):
            sql = f"{_SELECT} WHERE {where} LIMIT 2"
            if rows := connection.execute(sql, (part,)).fetchall():
                return [_row(row) for row in rows]
    return []


def read_excerpt(connection: apsw.Connection, attempt: str) -> tuple[bytes, bytes] | None:
    """Nonce and ciphertext kept for an attempt, if any."""
    sql = """SELECT nonce, excerpt FROM private JOIN attempts
     ON seq IN (opened_seq, closed_seq) WHERE attempt = ?"""
    row: tuple[bytes, bytes] | None = connection.execute(sql, (attempt,)).fetchone()
    return row


def _conditions(wanted: AttemptFilter, keys: Keys | None) -> tuple[list[str], list[str | int]]:
    user, conversation = wanted.user, wanted.conversation
    if keys is not None:
        user, conversation = keys.user(user or ""), keys.conversation(conversation or "")
    place = wanted.jurisdiction and wanted.jurisdiction.strip().upper()
    given: list[tuple[str, str | int | None]] = [
        ("a.at >= ?", wanted.since),
        ("a.at < ?", wanted.until),
        ("a.action = ?", None if wanted.action is None else wanted.action.label),
        ("a.rule = ?", wanted.rule),
        ("a.reason = ?", wanted.reason),
        ("a.operation = ?", wanted.operation and wanted.operation.value),
        ("instr(a.jurisdiction || '-', ? || '-') = 1", place),
        ("a.tier = ?", wanted.tier),
        ("a.user = ? AND a.user <> ''", user or None),
        ("a.conversation = ?", conversation or None),
        ("a.outcome = ?", "" if wanted.outcome == "open" else wanted.outcome),
    ]
    kept = [(condition, value) for condition, value in given if value is not None]
    return [condition for condition, _ in kept], [value for _, value in kept]


def _where(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _row(row: tuple[Any, ...]) -> AttemptRow:
    return AttemptRow(*row)


def _read(text: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text)
    return body
