"""Signed notes: a text, and who vouches for it. Source: C2SP signed-note."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from guardrail.chain.errors import Malformed, SignatureRejected
from guardrail.chain.keys import ID_SIZE, Signature, VerifierKey
from guardrail.chain.plain import is_name, is_text, read_base64, read_utf8

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 1_000_000
MAX_SIGNATURES = 100
_WHAT = "note"
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that was checked. at: seconds since the epoch for a cosignature, else None."""

    key: VerifierKey
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A text with signatures, not yet verified: do not believe `text` before `verify`.

    text: ends with a newline; signatures: 1 to 100. Source: C2SP signed-note. Raises Malformed.
    """

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n") or not is_text(self.text.replace("\n", "")):
            raise Malformed(_WHAT, "the text must be whole lines without control characters")
        if not 0 < len(self.signatures) <= MAX_SIGNATURES:
            raise Malformed(
                _WHAT, f"{len(self.signatures)} signatures; 1 to {MAX_SIGNATURES} are read"
            )

    def encode(self) -> bytes:
        """The text, an empty line, a line for each signature. Source: C2SP signed-note."""
        return f"{self.text}\n{''.join(found.line for found in self.signatures)}".encode()

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Read a note of at most 1,000,000 bytes; raises Malformed. Source: C2SP signed-note."""
        if len(data) > MAX_BYTES:
            raise Malformed(_WHAT, f"{len(data)} bytes; {MAX_BYTES} are read")
        whole = read_utf8(data, _WHAT)
        text, middle, rest = whole.rpartition("\n\n")
        if not middle:
            raise Malformed(_WHAT, "no empty line before the signatures")
        return cls(text + "\n", read_signatures(rest, text.count("\n") + 3))

    def verify(self, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
        """Check every signature of a known key; others are ignored.

        Raises SignatureRejected when one of them is wrong or there is none. C2SP signed-note.
        """
        known = tuple(keys)
        verified = tuple(
            Verified(key, key.verify(self.text, signature))
            for signature in self.signatures
            for key in known
            if key.signed(signature)
        )
        if not verified:
            names = ", ".join(key.name for key in known) or "nobody"
            raise SignatureRejected(f"no signature of a key that is trusted here ({names})")
        return verified

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """The same text with further signatures behind, each once. Source: C2SP signed-note."""
        return replace(self, signatures=tuple(dict.fromkeys((*self.signatures, *more))))


def read_signatures(text: str, first_line: int = 1) -> tuple[Signature, ...]:
    """Signature lines as they end a note, or as a witness answers; raises Malformed.

    Sources: C2SP signed-note, "Signatures"; tlog-witness.
    """
    *lines, last = text.split("\n")
    if last:
        raise Malformed(_WHAT, "the last line does not end", first_line + len(lines))
    return tuple(_read(line, number) for number, line in enumerate(lines, first_line))


def _read(line: str, number: int) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not is_name(name):
        raise Malformed(_WHAT, "not a signature: an em dash, a key name, base64", number)
    data = read_base64(encoded, _WHAT, number)
    if len(data) <= ID_SIZE:
        raise Malformed(_WHAT, "a signature shorter than its key id", number)
    return Signature(name, data[:ID_SIZE], data[ID_SIZE:])
