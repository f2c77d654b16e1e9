"""What stands beside a month's Parquet files: which entries they hold, and what proves them."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from guardrail.chain.errors import Malformed
from guardrail.chain.frontier import Frontier
from guardrail.chain.plain import read_hash
from guardrail.chain.segment import Segment
from guardrail.errors import InputError
from guardrail.log.archive.months import Month

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

FORMAT = "guardrail-archive/1"
SUFFIX = ".manifest.json"
_WHAT = "manifest"


@dataclass(frozen=True, slots=True)
class FileHash:
    """A file as it was written. size: bytes; sha256: in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A sealed month.

    segment: its entries and their proof. older: how many of them are of schema 1, whose form is
    not checked. attempts: rows in the file of attempts. files: by name.
    """

    month: Month
    origin: str
    segment: Segment
    older: int
    attempts: int
    files: Mapping[str, FileHash] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The file's bytes: indented JSON, hashes in base64 as in proofs, the note as text."""
        segment, start = self.segment, self.segment.start
        fields = {
            "format": FORMAT,
            "month": str(self.month),
            "origin": self.origin,
            "first": segment.first,
            "last": segment.last,
            "older": self.older,
            "attempts": self.attempts,
            "start": {"peaks": _texts(start.peaks), "proof": _texts(segment.start_proof)},
            "end": {"root": _text(segment.root), "proof": _texts(segment.end_proof)},
            "checkpoint": segment.note.decode(),
            "files": {
                name: {"bytes": found.size, "sha256": found.sha256}
                for name, found in self.files.items()
            },
        }
        return json.dumps(fields, ensure_ascii=False, indent=2).encode() + b"\n"

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a manifest; raises Malformed."""
        try:
            return cls._of(json.loads(data))
        except Malformed:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, InputError, RecursionError) as e:
            raise Malformed(_WHAT, f"cannot be read ({type(e).__name__}: {e})") from None

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> Self:
        if fields["format"] != FORMAT:
            raise Malformed(_WHAT, f"of the format {fields['format']!r}, not {FORMAT!r}")
        start, end = fields["start"], fields["end"]
        segment = Segment(
            Frontier(_number(fields["first"]) - 1, _hashes(start["peaks"])),
            _number(fields["last"]),
            read_hash(end["root"], _WHAT),
            _hashes(start["proof"]),
            _hashes(end["proof"]),
            fields["checkpoint"].encode(),
        )
        files = {
            str(name): FileHash(_number(found["bytes"]), str(found["sha256"]))
            for name, found in fields["files"].items()
        }
        month, origin = Month.parse(fields["month"]), str(fields["origin"])
        counts = _number(fields["older"]), _number(fields["attempts"])
        return cls(month, origin, segment, *counts, files)


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise Malformed(_WHAT, f"{value!r} is no count")
    return value


def _hashes(texts: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(read_hash(text, _WHAT) for text in texts)


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _texts(hashes: Iterable[bytes]) -> list[str]:
    return [_text(found) for found in hashes]
