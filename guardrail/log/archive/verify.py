"""Holds an archive against the log's public key: offline, without the log it came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from guardrail.chain.errors import EvidenceError
from guardrail.chain.evidence import Held, Kept
from guardrail.chain.faults import Fault, FaultKind
from guardrail.chain.receipt import Receipt
from guardrail.chain.segment import verify_segment
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError
from guardrail.log.archive.duck import connected
from guardrail.log.archive.folder import ATTEMPTS, ENTRIES, LEAVES, Folder, hash_file
from guardrail.log.archive.manifest import SUFFIX
from guardrail.log.archive.scan import Leaves, Scan
from guardrail.log.recount import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.chain.keys import VerifierKey
    from guardrail.log.archive.manifest import Manifest
    from guardrail.log.archive.months import Month
    from guardrail.log.verify import Given, Named

    Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """One thing wrong. where: the month, or the file given; empty for the archive as a whole."""

    where: str
    fault: Fault

    def __str__(self) -> str:
        fault = self.fault
        told = f"{fault.kind}: {fault.detail}" if fault.first is None else str(fault)
        return f"{self.where}: {told}" if self.where else told


@dataclass(frozen=True, slots=True)
class ArchiveVerification:
    """What was found.

    months: those that hold entry for entry. first, last: numbers of the entries that were read,
    0 without any; entries: how many. beyond: checkpoints and receipts of entries that are not in
    the archive, which were held against nothing.
    """

    key: VerifierKey
    months: tuple[str, ...]
    first: int
    last: int
    entries: int
    faults: tuple[Found, ...]
    beyond: tuple[str, ...]
    workers: Workers

    @property
    def ok(self) -> bool:
        """Nothing is wrong, and something was proven."""
        return not self.faults and bool(self.months)

    def json(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "ok": self.ok,
            "months": list(self.months),
            "first": self.first,
            "last": self.last,
            "entries": self.entries,
            "key": str(self.key),
            "workers": asdict(self.workers),
            "beyond": list(self.beyond),
            "faults": [_fault_json(found) for found in self.faults],
        }


def verify_archive(path: Path, given: Given, watch: Watch | None = None) -> ArchiveVerification:
    """Compute every month's entries up to the root that the log signed; with nothing but its key.

    Also held against the entries: which file is which (SHA-256), months that are missing, and the
    file that attempts are found and counted by. watch: called with entries read, and their number.

    Raises ConfigurationError when there is no archive, or no key was given. Damage is a fault.
    """
    if given.key is None:
        raise ConfigurationError("an archive is verified with a key kept elsewhere; give --key")
    folder = Folder(path)
    if not folder.traces():
        raise ConfigurationError(f"no archive at {path}")
    return _Verifier(folder, given, given.key, watch).run()


class _Verifier:
    """Goes through the months in order."""

    def __init__(self, folder: Folder, given: Given, key: VerifierKey, watch: Watch | None) -> None:
        self._folder = folder
        self._key = key
        self._trust = Trust(key.name, (key,))
        self._watch = watch
        self._faults: list[Found] = []
        self._good: list[str] = []
        self._entries = 0
        self._before: Manifest | None = None
        self._first = 0
        self._total = 0
        self._workers = Workers()
        self._checkpoints = list(self._open(given.checkpoints))
        self._receipts = list(self._parse(given.receipts))

    def run(self) -> ArchiveVerification:
        """Every month that left a trace."""
        manifests = [self._manifest(month) for month in self._folder.traces()]
        found = [manifest for manifest in manifests if manifest is not None]
        self._total = found[-1].segment.last if found else 0
        for manifest in found:
            self._follows(manifest)
            self._month(manifest)
            self._before = manifest
        last = 0 if self._before is None else self._before.segment.last
        beyond = [name for name, _, tree in self._checkpoints if tree.size > last]
        beyond += [name for name, _, index in self._receipts if index >= last]
        return ArchiveVerification(
            self._key,
            tuple(self._good),
            self._first,
            last,
            self._entries,
            tuple(self._faults),
            tuple(beyond),
            self._workers,
        )

    def _manifest(self, month: Month) -> Manifest | None:
        try:
            return self._folder.manifest(month)
        except ConfigurationError:
            detail = f"{month}{SUFFIX} is not there"
            self._fault(str(month), Fault(FaultKind.MISSING, detail))
        except EvidenceError as error:
            self._fault(str(month), Fault(FaultKind.UNREADABLE, f"{month}{SUFFIX}: {error}"))
        return None

    def _follows(self, manifest: Manifest) -> None:
        """Months must join, in numbers and in their tree."""
        segment, month, before = manifest.segment, str(manifest.month), self._before
        if manifest.origin != self._trust.origin:
            detail = f"an archive of {manifest.origin}, not of {self._trust.origin}"
            self._fault(month, Fault(FaultKind.BAD_CHECKPOINT, detail))
        end = 0 if before is None else before.segment.last
        if self._first == 0:
            self._first = segment.first
        if segment.first > end + 1:
            since = "the beginning" if before is None else str(before.month)
            detail = f"no month holds what stands between {since} and {month}"
            self._fault("", Fault(FaultKind.MISSING, detail, end + 1, segment.start.size))
        elif segment.first <= end:
            detail = f"entries that {before and before.month} holds too"
            self._fault(month, Fault(FaultKind.REPEATED, detail, segment.first, end))
        elif before is not None and segment.start.root != before.segment.root:
            detail = f"begins on another tree than {before.month} ends with"
            self._fault(month, Fault(FaultKind.FORKED, detail, segment.first, segment.last))

    def _month(self, manifest: Manifest) -> None:
        month = str(manifest.month)
        before = len(self._faults)
        self._files(manifest)
        if self._folder.file(manifest.month, ENTRIES).is_file():
            self._rows(manifest)
        if len(self._faults) == before:
            self._good.append(month)

    def _rows(self, manifest: Manifest) -> None:
        segment, month = manifest.segment, manifest.month
        held = [item for item in self._checkpoints if item[2].size >= segment.first]
        held = [item for item in held if item[2].size <= segment.last]
        receipts = [r for r in self._receipts if segment.start.size <= r[2] < segment.last]
        with connected() as connection:
            scan = Scan(connection, self._folder.file(month, ENTRIES), manifest, self._progress)
            recorded = Leaves(self._folder.file(month, LEAVES), segment.start.size)
            kept = Kept([Held(n) for _, n, _ in held], [data for _, data, _ in receipts], recorded)
            report = verify_segment(segment, scan.rows(), kept, self._trust)
            names = [name for name, *_ in held], [name for name, *_ in receipts]
            for fault in (*report.faults, *scan.faults):
                self._named(str(month), fault, *names)
            if not report.faults and not scan.faults:
                attempts = self._folder.file(month, ATTEMPTS)
                for fault in scan.held_against(attempts):
                    self._fault(str(month), fault)
        self._entries += report.entries
        for name, count in asdict(scan.workers).items():
            setattr(self._workers, name, getattr(self._workers, name) + count)

    def _files(self, manifest: Manifest) -> None:
        """Each file must be the one that was written."""
        month, segment = str(manifest.month), manifest.segment
        for name, written in manifest.files.items():
            path = self._folder.path / name
            try:
                found = hash_file(path)
            except OSError as error:
                detail = f"{name} cannot be read ({error.strerror})"
                self._fault(month, Fault(FaultKind.MISSING, detail, segment.first, segment.last))
                continue
            if found != written:
                detail = (
                    f"{name} is not the file that was archived (SHA-256 {found.sha256[:16]}..., "
                    f"not {written.sha256[:16]}...)"
                )
                self._fault(month, Fault(FaultKind.ALTERED, detail, segment.first, segment.last))

    def _named(self, month: str, fault: Fault, held: list[str], receipts: list[str]) -> None:
        """A fault under the name of the file that it was seen by."""
        if fault.checkpoint is not None:
            month = f"{month}, {held[fault.checkpoint]}"
        if fault.receipt is not None:
            month = f"{month}, {receipts[fault.receipt]}"
        self._fault(month, replace(fault, checkpoint=None, receipt=None))

    def _progress(self, seq: int) -> None:
        if self._watch is not None:
            self._watch(seq, self._total)

    def _fault(self, where: str, fault: Fault) -> None:
        self._faults.append(Found(where, fault))

    def _open(self, named: Sequence[Named]) -> Iterator[tuple[str, bytes, Checkpoint]]:
        """Checkpoints that may be believed; the others are faults."""
        for name, note in named:
            try:
                yield name, note, self._trust.open(note).checkpoint
            except EvidenceError as error:
                self._fault(name, Fault(FaultKind.BAD_CHECKPOINT, str(error)))

    def _parse(self, named: Sequence[Named]) -> Iterator[tuple[str, bytes, int]]:
        for name, data in named:
            try:
                yield name, data, Receipt.parse(data).index
            except EvidenceError as error:
                self._fault(name, Fault(FaultKind.BAD_RECEIPT, str(error)))


def _fault_json(found: Found) -> dict[str, Any]:
    fault = found.fault
    return {
        "where": found.where,
        "kind": fault.kind.value,
        "detail": fault.detail,
        "first": fault.first,
        "last": fault.last,
    }
