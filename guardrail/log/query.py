"""Finding attempts: what to look for, what comes back, and the SQL between."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from guardrail.errors import InputError
from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.log.keyring import Keyring
    from guardrail.log.session import Session, Store
    from guardrail.records import Action, Operation, Outcome

PAGE = 500
Value: TypeAlias = "str | int"

_COLUMNS = (
    'a.attempt, a.at, c.at, a.operation, a.jurisdiction, a.tier, a.policy, a."user", '
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
    store: Store, wanted: AttemptFilter, ring: Keyring | None
) -> Iterator[AttemptRow]:
    """Matching attempts in order of opening, a page at a time; needs `ring` to find a user."""
    conditions, values = _conditions(wanted, ring)
    order, beyond = ("DESC", "<") if wanted.newest_first else ("ASC", ">")
    left = wanted.limit
    after: tuple[object, ...] = ()
    while left is None or left > 0:
        page = PAGE if left is None else min(left, PAGE)
        where = [*conditions, f"(a.at, a.attempt) {beyond} (?, ?)"] if after else conditions
        sql = f"{_SELECT} {_where(where)} ORDER BY a.at {order}, a.attempt {order} LIMIT ?"
        with store.reading() as session:
            rows = session.rows(sql, (*values, *after, page))
        yield from map(_row, rows)
        if len(rows) < page:
            return
        after = (rows[-1][1], rows[-1][0])
        left = None if left is None else left - len(rows)


def find_attempts(session: Session, part: str) -> list[AttemptRow]:
    """The first two attempts whose id is, else begins, else ends with `part`."""
    size = len(part)
    begins = "a.attempt >= ? AND a.attempt < ? AND substr(a.attempt, 1, ?) = ?"
    ends = "substr(a.attempt, length(a.attempt) - ?) = ?"
    for where, values in (
        ("a.attempt = ?", (part,)),
        (begins, (part, f"{part}{chr(sys.maxunicode)}", size, part)),
        (ends, (size - 1, part)),
    ):
        if rows := session.rows(f"{_SELECT} WHERE {where} LIMIT 2", values):
            return [_row(row) for row in rows]
    return []


def one_attempt(session: Session, part: str) -> AttemptRow:
    """The attempt whose id is, begins or ends with `part`; InputError unless it is one."""
    found = find_attempts(session, part) if part else []
    if len(found) != 1:
        many = "no attempt in the log has" if not found else "more than one attempt has"
        raise InputError(f"{many} an id that begins or ends with {part!r}")
    return found[0]


def _conditions(wanted: AttemptFilter, ring: Keyring | None) -> tuple[list[str], list[Value]]:
    given: list[tuple[str, Value | None]] = [
        ("a.at >= ?", wanted.since),
        ("a.at < ?", wanted.until),
        ("a.action = ?", None if wanted.action is None else wanted.action.label),
        ("a.rule = ?", wanted.rule),
        ("a.reason = ?", wanted.reason),
        ("a.operation = ?", wanted.operation and wanted.operation.value),
        ("a.tier = ?", wanted.tier),
        ("a.outcome = ?", "" if wanted.outcome == "open" else wanted.outcome),
    ]
    kept = [(condition, value) for condition, value in given if value is not None]
    conditions, values = [name for name, _ in kept], [value for _, value in kept]
    if ring is not None and wanted.user:
        _among(conditions, values, 'a."user"', ring.users(wanted.user))
    if ring is not None and wanted.conversation:
        _among(conditions, values, "a.conversation", ring.conversations(wanted.conversation))
    if wanted.jurisdiction is not None:
        place = wanted.jurisdiction.strip().upper()
        conditions.append("(a.jurisdiction = ? OR substr(a.jurisdiction, 1, ?) = ?)")
        values += [place, len(place) + 1, f"{place}-"]
    return conditions, values


def _among(conditions: list[str], values: list[Value], column: str, names: list[str]) -> None:
    """One of `names`: of every epoch of the keys."""
    conditions.append(f"{column} IN ({', '.join('?' * len(names))}) AND {column} <> ''")
    values += names


def _where(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _row(row: tuple[Any, ...]) -> AttemptRow:
    return AttemptRow(*row)


def _read(text: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text)
    return body
