"""What others said of a log: witnesses that cosigned it, authorities that time-stamped it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from guardrail.chain.errors import EvidenceError
from guardrail.chain.faults import Fault, FaultKind
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError
from guardrail.log.beside import beside
from guardrail.log.cosigned import SUFFIX as COSIGNED
from guardrail.log.cosigned import list_cosigned_in
from guardrail.log.stamps import SUFFIX as STAMPS
from guardrail.log.stamps import Kept, list_timestamps, stamped_at
from guardrail.log.times import SECOND, iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from guardrail.chain.keys import VerifierKey
    from guardrail.chain.trust import Opened
    from guardrail.log.location import Location

Named: TypeAlias = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a verifier asks for. Nothing is asked for by default.

    witnesses: keys that may cosign; quorum: how many, counted by name, must have. roots: of
    time-stamp authorities, DER; empty: time stamps are not looked at.
    """

    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0
    roots: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A quorum saw the first `size` entries. at: the earliest time one tells, seconds."""

    size: int
    names: tuple[str, ...]
    at: int | None


@dataclass(frozen=True, slots=True)
class Stamped:
    """An authority saw the first `size` entries. at: ns; count: how many time stamps hold."""

    size: int
    at: int
    count: int


@dataclass(frozen=True, slots=True)
class Attested:
    """What bears the log out. unread: time stamps that were not looked at, for want of roots."""

    witnessed: Witnessed | None = None
    stamped: Stamped | None = None
    unread: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        """For JSON output."""
        seen, stamp = self.witnessed, self.stamped
        return {
            "witnessed": seen
            and {
                "size": seen.size,
                "names": [*seen.names],
                "at": None if seen.at is None else iso(seen.at * SECOND),
            },
            "time_stamped": stamp
            and {"size": stamp.size, "at": iso(stamp.at), "count": stamp.count},
        }


@dataclass(frozen=True, slots=True)
class Attestations:
    """What lies beside a log, or in an export: not yet believed."""

    cosigned: tuple[Named, ...] = ()
    stamps: tuple[Kept, ...] = ()

    @classmethod
    def of(cls, location: Location) -> Attestations:
        """Those beside a log. Raises ConfigurationError when they cannot be read."""
        return cls.within(beside(location, COSIGNED), beside(location, STAMPS))

    @classmethod
    def within(cls, cosigned: Path, stamps: Path) -> Attestations:
        """Those of two folders; none where they are not there. Raises ConfigurationError."""
        found = tuple(
            (f"{kept.path.parent.name}/{kept.path.name}", kept.data)
            for kept in list_cosigned_in(cosigned)
        )
        return cls(found, tuple(list_timestamps(stamps)))

    @property
    def named(self) -> list[Named]:
        """Every checkpoint among them, to hold the log against."""
        return [*self.cosigned, *((_name(kept), kept.note) for kept in self.stamps)]

    def weigh(self, named: Sequence[Named], trust: Trust, demand: Demand) -> Attested:
        """Whether they give what is asked for. named: all checkpoints; trust: the log's keys.

        To be believed only of a log that every one of `named` bears out.
        """
        faults: list[Fault] = []
        witnessed = _witnessed(named, trust, demand) if demand.quorum else None
        if demand.quorum and witnessed is None:
            names = {key.name for key in demand.witnesses}
            detail = f"no checkpoint that {demand.quorum} of the {len(names)} witnesses cosigned"
            faults.append(Fault(FaultKind.UNPROVEN, detail))
        if not demand.roots:
            return Attested(witnessed, None, len(self.stamps), tuple(faults))
        stamped = self._stamped(trust, demand, faults)
        return Attested(witnessed, stamped, 0, tuple(faults))

    def _stamped(self, trust: Trust, demand: Demand, faults: list[Fault]) -> Stamped | None:
        best, count = None, 0
        for kept in self.stamps:
            try:
                size = trust.open(kept.note).checkpoint.size
                at = stamped_at(kept, demand.roots).at
            except (EvidenceError, ConfigurationError) as error:
                detail = f"the time stamp {kept.path.parent.name}/{kept.path.name}: {error}"
                faults.append(Fault(FaultKind.BAD_SIGNATURE, detail))
                continue
            count += 1
            if best is None or (size, -at) > (best.size, -best.at):
                best = Stamped(size, at, count)
        if best is None:
            faults.append(Fault(FaultKind.UNPROVEN, "no time stamp that these roots bear out"))
            return None
        return Stamped(best.size, best.at, count)


def unsigned_by(head: Opened | None, keys: Sequence[VerifierKey]) -> list[Fault]:
    """A fault for each of the log's keys that has not signed the newest checkpoint."""
    if head is None:
        return []
    signed = {found.key for found in head.log}
    return [
        Fault(
            FaultKind.UNPROVEN,
            f"size {head.checkpoint.size} is not signed by the key {key.id.hex()}",
        )
        for key in keys
        if key not in signed
    ]


def _witnessed(named: Sequence[Named], trust: Trust, demand: Demand) -> Witnessed | None:
    """The largest size that a quorum cosigned."""
    asking = Trust(trust.origin, trust.log, demand.witnesses, demand.quorum)
    best: Witnessed | None = None
    for _, note in named:
        try:
            opened = asking.open(note)
        except EvidenceError:
            continue
        size = opened.checkpoint.size
        if best is None or size > best.size:
            names = tuple(dict.fromkeys(found.key.name for found in opened.witnesses))
            best = Witnessed(size, names, opened.seen_at)
    return best


def _name(kept: Kept) -> str:
    path = kept.path.with_suffix(".checkpoint")
    return f"{path.parent.name}/{path.name}"
