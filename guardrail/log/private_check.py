"""Holds what entries commit to against them: opened with keys, erased where an entry says so."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from guardrail.errors import ConfigurationError
from guardrail.log.personal import begun, commitments_of
from guardrail.log.vault import KeyUnreachable, Stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.log.session import Session
    from guardrail.log.vault import Vault

ERASING = frozenset({"shred", "expire"})
_ROWS = """SELECT p.seq, p.data_key, p.nonce, p.sealed, k.wrapper, k.wrapped, p.erased
 FROM private AS p LEFT JOIN data_keys AS k ON k.id = p.data_key WHERE p.seq > ? AND p.seq <= ?"""


class PrivateRow(NamedTuple):
    """What is kept beside one entry. erased: number of the entry that erased it, or 0."""

    stored: Stored
    erased: int


@dataclass(slots=True)
class PrivateCount:
    """Entries with private data. opened: found to be what they commit to; erased: by entries.

    unopened: not looked into, for want of keys; `problem` says why. erasing: entries that erased.
    """

    opened: int = 0
    unopened: int = 0
    erased: int = 0
    erasing: int = 0
    problem: str = ""


class Found(NamedTuple):
    """Of one entry. names: user and conversation as it has to be found by; None: not known."""

    names: tuple[str, str] | None
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Erased:
    count: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, seq: int) -> None:
        self.count += 1
        self.digest.update(seq.to_bytes(8, "big"))


def read_rows(session: Session, after: int, last: int) -> dict[int, PrivateRow]:
    """What is kept beside entries after one number, to another."""
    return {
        seq: PrivateRow(Stored(*rest), erased)
        for seq, *rest, erased in session.rows(_ROWS, (after, last))
    }


class PrivateCheck:
    """Takes entries in order, each with what is kept beside it."""

    def __init__(self, vault: Vault | None, problem: str = "") -> None:
        self._vault = vault
        self._erased: dict[int, _Erased] = {}
        self.count = PrivateCount(problem=problem)

    def take(self, seq: int, name: str, body: Mapping[str, Any], row: PrivateRow | None) -> Found:
        """What is wrong with one entry. name: what it is found by."""
        commitments = commitments_of(body)
        if row is not None and row.erased:
            self.count.erased += 1
            self._erased.setdefault(row.erased, _Erased()).add(seq)
            wrong = row.erased <= seq or any(row.stored[:3])
            return Found(("", ""), ("it is marked as erased, and is not",) if wrong else ())
        if commitments is None:
            return self._older(body, name, row)
        if row is None or row.stored.wrapped is None:
            return Found(None, ("what it commits to is gone, and no entry erased it",))
        return self._opened(commitments, name, row)

    def erasing(self, seq: int, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Whether an entry erased what it says; those it erased come before it."""
        if body.get("event") not in ERASING:
            return ()
        self.count.erasing += 1
        found = self._erased.pop(seq, _Erased())
        if (found.count, found.digest.hexdigest()) == (body["entries"], body["digest"]):
            return ()
        said = body["entries"]
        return (f"it says that it erased {said} entries; {found.count} are marked so, or others",)

    def finish(self, total: int) -> list[str]:
        """Erasures that no entry up to number `total` speaks of."""
        return [
            f"{found.count} entries are marked as erased by entry {seq}, which erases nothing"
            for seq, found in sorted(self._erased.items())
            if seq <= total
        ]

    def _older(self, body: Mapping[str, Any], name: str, row: PrivateRow | None) -> Found:
        """Of schema 1 or 2, which says its pseudonyms itself; at most an excerpt is kept."""
        opening = begun(body)
        names = (opening.get("user", ""), opening.get("conversation", ""))
        if row is None:
            return Found(names)
        return Found(names, self._opened(None, name, row).problems)

    def _opened(self, commitments: Mapping[str, str] | None, name: str, row: PrivateRow) -> Found:
        if self._vault is None:
            self.count.unopened += 1
            return Found(None)
        try:
            opened = self._vault.open(row.stored, name)
        except KeyUnreachable as error:
            self.count.unopened += 1
            self.count.problem = str(error)
            return Found(None)
        except ConfigurationError as error:
            return Found(None, (str(error),))
        self.count.opened += 1
        if commitments is not None and (unlike := opened.unlike(commitments)):
            return Found(None, (f"it does not commit to what is kept ({', '.join(unlike)})",))
        return Found((opened.values.get("user", ""), opened.values.get("conversation", "")))
