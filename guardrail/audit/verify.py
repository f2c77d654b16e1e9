"""Verifies a pack with nothing but the pack, and a key from elsewhere."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from guardrail.audit.pack import (
    MANIFEST,
    SIGNATURE,
    Statement,
    files_of,
    read_manifest,
    sha256,
)
from guardrail.audit.recount import KEPT, differing
from guardrail.chain.errors import EvidenceError
from guardrail.chain.note import Note
from guardrail.chain.plain import write_base64
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError, GuardrailError
from guardrail.log.export import verify_export
from guardrail.log.receipts import open_receipt
from guardrail.log.verify import Given, read_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.chain.keys import VerifierKey

_MOST_FILES = 1_000_000
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. faults: what is wrong, each with its file; none: the pack holds.

    files, receipts: how many were checked; entries: of the log, if it is in the pack, else 0.
    """

    key: VerifierKey
    files: int
    receipts: int
    entries: int
    size: int
    root: str
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def verify_pack(
    path: Path, key: VerifierKey | None, checkpoints: Sequence[tuple[str, bytes]] = ()
) -> Checked:
    """Verify a pack, a folder or a zip. key: the log's; None believes the one in the pack.

    checkpoints: kept elsewhere, with their names; held against the log where it is in the pack.

    Raises ConfigurationError when it is no pack. Damage is a fault, not an error.
    """
    if path.is_dir():
        return _Check(path, key, checkpoints).result()
    with tempfile.TemporaryDirectory(prefix="guardrail-pack-") as name:
        folder = _unpacked(path, Path(name))
        checked = _Check(folder, key, checkpoints)
        checked.zip(path)
        return checked.result()


def _unpacked(path: Path, target: Path) -> Path:
    """Unpack a zip whose one folder is the pack; refuses names that lead out of it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(info.filename) for info in archive.infolist()]
            tops = {name.parts[0] for name in names if name.parts}
            wrong = any(name.is_absolute() or ".." in name.parts for name in names)
            if len(tops) != 1 or wrong or len(names) > _MOST_FILES:
                raise ConfigurationError(f"{path} is no inquiry pack: it is not one folder")
            archive.extractall(target)
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, EOFError) as error:
        raise ConfigurationError(f"{path} is no inquiry pack ({error})") from None
    return target / tops.pop()


class _Check:
    """Looks at one folder; `faults` grows."""

    def __init__(
        self, folder: Path, key: VerifierKey | None, checkpoints: Sequence[tuple[str, bytes]]
    ) -> None:
        self.folder = folder
        self.checkpoints = checkpoints
        self.faults: list[str] = []
        self.key = key or read_key(self._bytes("evidence/log.vkey").decode("utf-8", "replace"))

    def zip(self, path: Path) -> None:
        """Hold the zip against the note beside it, if there is one."""
        beside = path.with_name(f"{path.name}.note")
        if not beside.is_file():
            return
        told = self._statement(beside.read_bytes(), beside.name)
        if told is None:
            return
        if told.zip != sha256(path):
            self.faults.append(f"{path.name}: not the file that {beside.name} was signed for")
        if told.manifest != sha256(self.folder / MANIFEST):
            self.faults.append(f"{beside.name}: was signed for another manifest")

    def result(self) -> Checked:
        """Check everything."""
        told = self._statement(self._bytes(SIGNATURE), SIGNATURE)
        if told is not None and told.manifest != sha256(self.folder / MANIFEST):
            self.faults.append(f"{MANIFEST}: not the one that was signed")
        number = self._files()
        head = self._checkpoint()
        size, root = (0, "") if head is None else (head.size, write_base64(head.root))
        if told is not None and head is not None and (told.size, told.root) != (size, root):
            self.faults.append("evidence/checkpoint: not the log that the pack was signed for")
        receipts = sum(1 for _ in self._receipts(head))
        entries = self._log()
        faults = tuple(dict.fromkeys(self.faults))
        return Checked(self.key, number, receipts, entries, size, root, faults)

    def _statement(self, data: bytes, name: str) -> Statement | None:
        try:
            note = Note.parse(data)
            note.verify([self.key])
            return Statement.parse(note.text)
        except EvidenceError as error:
            self.faults.append(f"{name}: {error}")
            return None

    def _files(self) -> int:
        try:
            listed = read_manifest(self._bytes(MANIFEST))
        except EvidenceError as error:
            self.faults.append(f"{MANIFEST}: {error}")
            return 0
        there = set(files_of(self.folder))
        self.faults += [f"{name}: is missing" for name in sorted(listed.keys() - there)]
        self.faults += [f"{name}: is not in the manifest" for name in sorted(there - listed.keys())]
        for name in sorted(there & listed.keys()):
            if sha256(self.folder / name) != listed[name]:
                self.faults.append(f"{name}: was changed")
        return len(there)

    def _checkpoint(self) -> Checkpoint | None:
        name = "evidence/checkpoint"
        try:
            return Trust(self.key.name, (self.key,)).open(self._bytes(name)).checkpoint
        except EvidenceError as error:
            self.faults.append(f"{name}: {error}")
            return None

    def _receipts(self, head: Checkpoint | None) -> Iterator[Path]:
        for path in sorted((self.folder / "evidence" / "proofs").glob("*")):
            name = path.relative_to(self.folder).as_posix()
            try:
                found = open_receipt(path.read_bytes(), self.key)
            except EvidenceError as error:
                self.faults.append(f"{name}: {error}")
            else:
                if head is not None and found.checkpoint != head:
                    self.faults.append(f"{name}: is of another state of the log")
                yield path

    def _log(self) -> int:
        folder = self.folder / "evidence" / "log"
        if not folder.is_dir():
            if self.checkpoints:
                raise ConfigurationError(
                    "a checkpoint is held against the whole log, which is not in this pack"
                )
            return 0
        found = verify_export(folder, Given(self.key, self.checkpoints))
        self.faults += [f"evidence/log: {fault}" for fault in found.report.faults[:_SHOWN]]
        if found.report.ok:
            self._recount(found.report.entries)
        return found.report.entries

    def _recount(self, entries: int) -> None:
        try:
            self.faults += differing(self.folder, entries)[:_SHOWN]
        except (GuardrailError, ValueError, KeyError, TypeError, OSError) as error:
            self.faults.append(f"{KEPT}: cannot be held against the log ({type(error).__name__})")

    def _bytes(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"{self.folder} is no inquiry pack: {name} cannot be read ({error.strerror})"
            ) from None
