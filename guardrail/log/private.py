"""What may have to be erased of which attempt, found in SQL, and how it is erased."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.errors import ConfigurationError, InputError
from guardrail.log.entries import NO_ATTEMPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from guardrail.log.session import Session, WriteSession

NEEDLE = 24
MAX_NEEDLES = 5000
_CHUNK = 500
_BEGIN = "coalesce(a.opened_seq, a.closed_seq)"
_KEPT = f"""SELECT a.attempt, {_BEGIN}, a.at, a."user", a.conversation, a.operation,
 a.jurisdiction, a.action, a.rule, a.reason, coalesce(p.data_key, '') FROM attempts AS a
 LEFT JOIN private AS p ON p.seq = {_BEGIN}
 WHERE coalesce(p.erased, 0) = 0 AND (p.seq IS NOT NULL OR a."user" <> '' OR a.conversation <> '')
 AND """  # noqa: S608 (fixed names)
_EVENTS = f"""SELECT e.seq, p.data_key, k.subject, e.at, e.event FROM entries AS e
 JOIN private AS p ON p.seq = e.seq JOIN data_keys AS k ON k.id = p.data_key
 WHERE e.event IN ('access', 'hold') AND e.{NO_ATTEMPT} AND p.erased = 0"""  # noqa: S608
_OLDER = f"SELECT coalesce(max(seq), 0) FROM entries WHERE event = 'migrated' AND {NO_ATTEMPT}"  # noqa: S608
_EMPTY = "UPDATE private SET data_key = '', nonce = ?, sealed = ?, erased = ? WHERE seq = ?"
_USED = f"""SELECT DISTINCT p.data_key FROM attempts AS a JOIN private AS p ON p.seq = {_BEGIN}
 WHERE a."user" = ? AND p.erased = 0"""  # noqa: S608


class Kept(NamedTuple):
    """An attempt of which something may be erased. seq: of the entry that commits to it.

    at: of the opening, ns, UTC. user, conversation: pseudonyms. data_key: empty for one of schema
    1 or 2 without an excerpt, whose entry says its pseudonyms itself.
    """

    attempt: str
    seq: int
    at: int
    user: str
    conversation: str
    operation: str
    jurisdiction: str
    action: str
    rule: str
    reason: str
    data_key: str

    @property
    def subject(self) -> str:
        """With whom its data key goes."""
        return self.user or self.attempt


class KeptEvent(NamedTuple):
    """An entry of no attempt (an access, a hold) that commits to a subject."""

    seq: int
    data_key: str
    subject: str
    at: int
    event: str


class Needles(NamedTuple):
    """Beginnings and ends of ciphertexts, and of wrapped data keys by their id."""

    sealed: list[bytes]
    wrapped: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is erased at once. subjects: whose data keys go, as far as nothing else needs them."""

    attempts: tuple[Kept, ...] = ()
    events: tuple[KeptEvent, ...] = ()
    subjects: frozenset[str] = frozenset()

    @property
    def seqs(self) -> list[int]:
        """Numbers of the entries whose private data go, ascending."""
        return sorted(
            [*(kept.seq for kept in self.attempts), *(event.seq for event in self.events)]
        )

    @property
    def fields(self) -> dict[str, Any]:
        """What its entry says of it."""
        return {
            "attempts": len(self.attempts),
            "entries": len(self.seqs),
            "digest": digest_of(self.seqs),
        }


def digest_of(seqs: Iterable[int]) -> str:
    """SHA-256 over numbers of entries, ascending, each as 8 bytes, big-endian; hex."""
    found = hashlib.sha256()
    for seq in seqs:
        found.update(seq.to_bytes(8, "big"))
    return found.hexdigest()


def find_kept(session: Session, where: str, values: Sequence[Any]) -> list[Kept]:
    """Attempts `a` of which something may be erased. where: SQL, fixed by the caller."""
    return [Kept(*row) for row in session.rows(_KEPT + where, values)]


def find_events(session: Session) -> list[KeptEvent]:
    """Accesses and holds that commit to a subject, in order."""
    return [KeptEvent(*row) for row in session.rows(f"{_EVENTS} ORDER BY e.seq")]


def needles_of(session: Session, plan: Plan) -> Needles:
    """Bytes that must not be found once `plan` is carried out, of up to 5,000 entries."""
    sealed: list[bytes] = []
    for places in _chunks(plan.seqs[:MAX_NEEDLES]):
        sql = f"SELECT sealed FROM private WHERE seq IN ({_marks(places)})"  # noqa: S608
        for (data,) in session.rows(sql, places):
            sealed += (data[:NEEDLE], data[-NEEDLE:]) if data else ()
    keys = {kept.data_key for kept in plan.attempts} | {each.data_key for each in plan.events}
    wrapped: dict[str, bytes] = {}
    for names in _chunks(sorted(keys - {""})[:MAX_NEEDLES]):
        sql = f"SELECT id, wrapped FROM data_keys WHERE id IN ({_marks(names)})"  # noqa: S608
        wrapped.update((name, key[-NEEDLE:]) for name, key in session.rows(sql, names))
    return Needles(sealed, wrapped)


def older_among(session: Session, seqs: Sequence[int]) -> int:
    """How many of these entries are of schema 1 or 2, and say pseudonyms themselves."""
    last: int = session.value(_OLDER)
    return sum(seq < last for seq in seqs)


def gone_of(session: Session, plan: Plan, needles: Needles, *, older: bool) -> list[bytes]:
    """What `plan` erased, and stands in no row any more: to be looked for in the files.

    older: whether entries of schema 1 or 2 go on naming pseudonyms.
    """
    keys = sorted(needles.wrapped)
    left = _left(session, (("data_keys", "id", keys),))
    wrapped = [needles.wrapped[key] for key in keys if key not in left]
    names = set() if older else _pseudonyms(session, plan)
    return [*needles.sealed, *wrapped, *(name.encode() for name in sorted(names))]


def _pseudonyms(session: Session, plan: Plan) -> set[str]:
    """Those of erased attempts (up to 5,000 of each kind) that stand in no row any more."""
    attempts = {kept.attempt for kept in plan.attempts}
    users = sorted({kept.user for kept in plan.attempts} | plan.subjects - attempts)[:MAX_NEEDLES]
    talks = sorted({kept.conversation for kept in plan.attempts})[:MAX_NEEDLES]
    places = (
        ("attempts", '"user"', users),
        ("data_keys", "subject", users),
        ("attempts", "conversation", talks),
    )
    return {*users, *talks} - _left(session, places) - {""}


def _left(session: Session, places: Iterable[tuple[str, str, Sequence[str]]]) -> set[str]:
    """Which names stand in these columns still."""
    left: set[str] = set()
    for table, column, names in places:
        for some in _chunks(names):
            sql = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IN ({_marks(some)})"  # noqa: S608
            left.update(name for (name,) in session.rows(sql, some))
    return left


def erase(session: WriteSession, seq: int, plan: Plan) -> None:
    """Carry out `plan`, in the transaction of entry `seq`, which says so.

    Raises InputError where the rights to it are missing.
    """
    try:
        _erase(session, seq, plan)
    except ConfigurationError as error:
        raise InputError(str(error)) from None


def _erase(session: WriteSession, seq: int, plan: Plan) -> None:
    with_data = [kept for kept in plan.attempts if kept.data_key]
    older = [kept for kept in plan.attempts if not kept.data_key]
    places = [*(kept.seq for kept in with_data), *(event.seq for event in plan.events)]
    session.many(_EMPTY, [(b"", b"", seq, place) for place in places])
    session.insert("private", [(kept.seq, "", b"", b"", seq) for kept in older])
    session.many(
        "UPDATE attempts SET \"user\" = '', conversation = '' WHERE attempt = ?",
        [(kept.attempt,) for kept in plan.attempts],
    )
    _delete_keys(session, plan)
    session.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (str(seq),))


def _delete_keys(session: WriteSession, plan: Plan) -> None:
    events = {event.data_key for event in find_events(session)}
    unused: list[tuple[str]] = []
    for subject in sorted(plan.subjects):
        used = events | {key for (key,) in session.rows(_USED, (subject,))}
        keys = session.rows("SELECT id FROM data_keys WHERE subject = ?", (subject,))
        unused += [(key,) for (key,) in keys if key not in used]
    session.many("DELETE FROM data_keys WHERE id = ?", unused)


def _chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return [items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK)]


def _marks(items: Sequence[Any]) -> str:
    return ", ".join("?" * len(items))
