"""A pack: a folder, a manifest of it, a signature over the manifest, and the same as a zip.

The manifest is what `sha256sum -c MANIFEST` reads. The signature is a signed note (C2SP
signed-note) whose first line, `guardrail-inquiry/1`, is no log's name: it is no checkpoint.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.audit.inquiry import moment_of
from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.errors import Malformed
from guardrail.chain.note import Note
from guardrail.chain.plain import write_base64

if TYPE_CHECKING:
    from guardrail.chain.keys import SigningKey

MANIFEST = "MANIFEST"
SIGNATURE = "MANIFEST.note"
HEADER = "guardrail-inquiry/1"
_CHUNK = 1 << 20
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n\\]+)")
_NOTE = re.compile(
    r"guardrail-inquiry/1\nmanifest sha256:([0-9a-f]{64})\nlog ([0-9]+) ([A-Za-z0-9+/=]{44})\n"
    r"(?:zip sha256:([0-9a-f]{64})\n)?"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a pack's signature says. size, root: of the log, root in base64; zip: its SHA-256."""

    manifest: str
    size: int
    root: str
    zip: str = ""

    @property
    def text(self) -> str:
        """The text that is signed."""
        lines = [HEADER, f"manifest sha256:{self.manifest}", f"log {self.size} {self.root}"]
        return "\n".join([*lines, *([f"zip sha256:{self.zip}"] if self.zip else []), ""])

    @classmethod
    def parse(cls, text: str) -> Statement:
        """Read the text of a pack's signature; raises Malformed."""
        found = _NOTE.fullmatch(text)
        if found is None:
            raise Malformed("pack signature", "does not say what a pack's signature says")
        return cls(found[1], int(found[2]), found[3], found[4] or "")


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def files_of(folder: Path) -> list[str]:
    """Every file of a pack but manifest and signature, as it is named in the manifest, sorted."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name not in {MANIFEST, SIGNATURE})


def manifest(folder: Path) -> bytes:
    """SHA-256 and name of every file."""
    return "".join(f"{sha256(folder / name)}  {name}\n" for name in files_of(folder)).encode()


def read_manifest(data: bytes) -> dict[str, str]:
    """Name to SHA-256; raises Malformed, also for a name that leads out of the folder."""
    found: dict[str, str] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None or ".." in Path(match[2]).parts or Path(match[2]).is_absolute():
            raise Malformed("manifest", "not a SHA-256, two spaces and a name", number)
        if match[2] in found:
            raise Malformed("manifest", f"{match[2]} stands twice", number)
        found[match[2]] = match[1]
    return found


def sign(folder: Path, head: Checkpoint, key: SigningKey) -> Statement:
    """Write the manifest and its signature into the folder; what was signed."""
    (folder / MANIFEST).write_bytes(manifest(folder))
    told = Statement(sha256(folder / MANIFEST), head.size, write_base64(head.root))
    (folder / SIGNATURE).write_bytes(signed(told, key))
    return told


def signed(told: Statement, key: SigningKey) -> bytes:
    """The signed note."""
    return Note(told.text, (key.sign(told.text),)).encode()


def zip_folder(folder: Path, target: Path, name: str, at: int) -> None:
    """The folder as a zip, under the folder `name`: sorted, dated `at` (ns), same bytes always."""
    moment = moment_of(at)
    date = (max(1980, moment.year), *moment.timetuple()[1:6])
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in [MANIFEST, SIGNATURE, *files_of(folder)]:
            info = zipfile.ZipInfo(f"{name}/{file}", date[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            info.file_size = (folder / file).stat().st_size
            with (folder / file).open("rb") as source, archive.open(info, "w") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
