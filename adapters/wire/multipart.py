"""Forms (`multipart/form-data`) read so that no other reader can take them for something else.

Source: RFC 7578, and https://html.spec.whatwg.org/multipage/form-control-infrastructure.html
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from guardrail.adapters.wire.codec import BadCall
from guardrail.adapters.wire.http import Call, media_type, parameter
from guardrail.adapters.wire.strict import no_encoding, plainly_typed
from guardrail.errors import ConfigurationError

MAX_PARTS = 128
"""Parts of one form."""
MAX_TEXT = 1_000_000
"""Bytes of one part that is a text."""
MAX_KEPT = 256_000_000
"""Bytes of all parts that are kept in memory to be screened."""
MAX_HEADER = 2_048
"""Bytes of one header of a part."""

_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=?-]{1,70}", re.ASCII)
_DISPOSITION = re.compile(
    r'form-data; ?name="(?P<name>[^"\\\x00-\x1f\x7f]*)"'
    r'(?:; ?filename="(?P<filename>[^"\\\x00-\x1f\x7f]*)")?',
    re.IGNORECASE,
)
_HEADERS = frozenset({"content-disposition", "content-type", "content-length"})
_QUIET = logging.getLogger("guardrail.forms")
_QUIET.setLevel(logging.CRITICAL)
_ENDS = (b"", b"\r\n")
_AFTER = 4


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form.

    filename: None for a text. data: of a file, no more bytes than were asked for.
    """

    name: str
    data: bytes = field(repr=False)
    filename: str | None = None

    @property
    def value(self) -> str | bytes:
        """The text of a text, the bytes of a file. Raises BadCall where a text is not UTF-8."""
        if self.filename is not None:
            return self.data
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError:
            raise BadCall(f"The field {_shown(self.name)} of the form is not UTF-8.") from None


def form(call: Call, file_bytes: int) -> Sequence[Part]:
    """The parts of a call's body, in order.

    file_bytes: of each file this many are kept, and one more where there are more.
    Raises BadCall, saying where, for all that two readers may read differently: odd boundaries,
    anything before the first and after the last, other headers than a form needs, encodings,
    escapes in names, forms in forms; and for more parts or bytes than the limits here.
    """
    plainly_typed(call)
    no_encoding(call)
    boundary = _boundary(call.header("content-type"))
    reading = _Reading(boundary, file_bytes)
    for chunk in call.body.chunks():
        reading.feed(chunk)
    return reading.end()


def arguments(parts: Sequence[Part]) -> dict[str, Any]:
    """A form as the arguments it stands for: `name[]` makes a list, in order.

    Raises BadCall where another name stands twice, or a text is not UTF-8.
    """
    values: dict[str, Any] = {}
    for part in parts:
        name = part.name.removesuffix("[]")
        if name != part.name:
            known = values.setdefault(name, [])
            if not isinstance(known, list):
                raise BadCall(f"The form has {_shown(name)} and {_shown(part.name)}.")
            known.append(part.value)
        elif name in values:
            raise BadCall(f"The field {_shown(name)} stands twice in the form.")
        else:
            values[name] = part.value
    return values


class _Reading:
    """One form on its way through the parser."""

    def __init__(self, boundary: str, file_bytes: int) -> None:
        self._delimiter = b"--" + boundary.encode("ascii")
        self._begun = self._last = b""
        self._counts = {self._delimiter: 0, self._delimiter + b"\r\n": 0}
        self._file_bytes = file_bytes
        self._kept = 0
        self._parts: list[Part] = []
        self._ended = False
        self._header = (bytearray(), bytearray())
        self._headers: dict[str, str] = {}
        self._about: tuple[str, str | None] = ("", None)
        self._data = bytearray()
        self._parser = _parser(boundary, self._callbacks())

    def feed(self, chunk: bytes) -> None:
        from python_multipart.exceptions import FormParserError

        if len(self._begun) < len(self._delimiter):
            self._begun += chunk[: len(self._delimiter) - len(self._begun)]
            if not self._delimiter.startswith(self._begun):
                raise BadCall("The form does not begin with its boundary.")
        for delimiter in self._counts:
            overlap = self._last[1 - len(delimiter) :]
            self._counts[delimiter] += _count(overlap + chunk, delimiter)
            if self._counts[delimiter] > MAX_PARTS + 1:
                raise _too_many()
        self._last = (self._last + chunk)[-len(self._delimiter) - _AFTER :]
        try:
            self._parser.write(chunk)
        except FormParserError as problem:
            raise BadCall(f"The form cannot be read: {problem}.") from None

    def end(self) -> Sequence[Part]:
        _, found, after = self._last.rpartition(self._delimiter + b"--")
        if not self._ended or not found or after not in _ENDS:
            raise BadCall("The form does not end with its boundary.")
        if not self._parts:
            raise BadCall("The form has no parts.")
        if list(self._counts.values()) != [len(self._parts) + 1, len(self._parts)]:
            raise BadCall("The boundary of the form stands inside one of its parts.")
        return self._parts

    def _callbacks(self) -> Mapping[str, Callable[..., None]]:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, start, end: self._grow(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._grow(1, data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        if len(self._parts) >= MAX_PARTS:
            raise _too_many()
        self._headers, self._data = {}, bytearray()
        self._header = (bytearray(), bytearray())

    def _grow(self, side: int, piece: bytes) -> None:
        self._header[side].extend(piece)
        if sum(map(len, self._header)) > MAX_HEADER:
            raise BadCall(f"A part of the form has a header of more than {MAX_HEADER} bytes.")

    def _header_end(self) -> None:
        name = self._header[0].decode("ascii", "replace").lower()
        try:
            value = self._header[1].decode("utf-8").strip()
        except UnicodeDecodeError:
            raise BadCall("A header of a part of the form is not UTF-8.") from None
        if name in self._headers or name not in _HEADERS:
            raise BadCall(f"The form has a part with a header it may not have: {_shown(name)}.")
        self._headers[name] = value
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        found = _DISPOSITION.fullmatch(self._headers.get("content-disposition", ""))
        if found is None or found["name"] in ("", "_charset_"):
            raise BadCall(
                'Each part of the form needs `Content-Disposition: form-data; name="..."`, with a '
                'filename="..." where it is a file, and no other parameter and no backslash.'
            )
        kind = self._headers.get("content-type", "")
        charset = parameter(kind, "charset").lower() if kind else ""
        if media_type(kind).startswith(("multipart/", "message/")) or charset not in ("", "utf-8"):
            raise BadCall(f"The part {_shown(found['name'])} of the form has a type not read here.")
        self._about = found["name"], found["filename"]

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        name, filename = self._about
        room = (MAX_TEXT if filename is None else self._file_bytes) + 1 - len(self._data)
        piece = data[start : min(end, start + max(room, 0))]
        self._data += piece
        self._kept += len(piece)
        if filename is None and len(self._data) > MAX_TEXT:
            raise BadCall(f"The field {_shown(name)} of the form is too long.", status=413)
        if self._kept > MAX_KEPT:
            raise BadCall(f"The form has more than {MAX_KEPT} bytes to screen.", status=413)

    def _part_end(self) -> None:
        self._parts.append(Part(self._about[0], bytes(self._data), self._about[1]))

    def _end(self) -> None:
        self._ended = True


def _too_many() -> BadCall:
    return BadCall(f"The form has more than {MAX_PARTS} parts.", status=413)


def _boundary(content_type: str) -> str:
    names = re.findall(r";\s*([^;=\s]*)\s*=", content_type.lower())
    boundary = parameter(content_type, "boundary")
    if names != ["boundary"] or not _BOUNDARY.fullmatch(boundary):
        raise BadCall(
            "A form needs a content type of multipart/form-data with a boundary of 1 to 70 "
            "letters, digits and '()+_,./:=?- and with no other parameter."
        )
    return boundary


def _parser(boundary: str, callbacks: Mapping[str, Callable[..., None]]) -> Any:
    try:
        from python_multipart.multipart import MultipartParser
    except ImportError as problem:
        raise ConfigurationError(
            "python-multipart is needed to read forms: pip install 'python-multipart>=0.0.18'"
        ) from problem
    parser = MultipartParser(boundary, cast("Any", dict(callbacks)))
    parser.logger = _QUIET
    return parser


def _count(data: bytes, piece: bytes) -> int:
    """How often a piece stands in the data, overlaps counted, up to more than any form has."""
    at, found = data.find(piece), 0
    while at >= 0 and found <= MAX_PARTS + 1:
        at, found = data.find(piece, at + 1), found + 1
    return found


def _shown(name: str) -> str:
    return repr(name[:40])
