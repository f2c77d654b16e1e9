"""The exact bytes of one entry: a version line, then canonical JSON (RFC 8785)."""

from __future__ import annotations

import json
from typing import TypeAlias

import rfc8785

from guardrail.chain.errors import Malformed
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.tiles import MAX_ENTRY

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

HEADER = b"guardrail-entry/1\n"
MAX_BODY = MAX_ENTRY - len(HEADER)
_WHAT = "entry"
_SAFE_INTEGER = (1 << 53) - 1
_PLAIN_FLOATS = (1e-4, 1e16)
_SAFE_LENGTH = 17
_QUICK = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def canonical(value: Json) -> bytes:
    """`value` as canonical JSON, in UTF-8. Source: RFC 8785 (JCS).

    Numbers that JSON readers may not keep exactly (integers beyond 2**53 - 1, NaN, infinities),
    lone surrogates and anything that is not JSON raise Malformed: write them as strings.
    """
    try:
        if _is_plain(value):
            return _QUICK.encode(value).encode()
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise Malformed(_WHAT, f"cannot be written as canonical JSON ({_cause(error)})") from None


def entry_bytes(body: bytes) -> bytes:
    """What of a canonical `body` goes into the tree: `guardrail-entry/1`, a newline, `body`.

    It fits the 65,535 bytes of a C2SP tlog-tiles bundle; raises Malformed where it does not.
    """
    if len(body) > MAX_BODY:
        raise Malformed(_WHAT, f"{len(body)} bytes; at most {MAX_BODY} fit")
    return HEADER + body


def entry_leaf(body: bytes) -> bytes:
    """Leaf hash of a canonical `body`, 32 bytes; raises Malformed. RFC 6962 section 2.1."""
    return leaf_hash(entry_bytes(body))


def body_of(entry: bytes) -> bytes:
    """The canonical JSON inside entry bytes; raises Malformed for another version."""
    if not entry.startswith(HEADER) or len(entry) > MAX_ENTRY:
        raise Malformed(_WHAT, f"does not begin with {HEADER.decode().strip()}", 1)
    return entry.removeprefix(HEADER)


def read_body(body: bytes) -> dict[str, Json]:
    """The object in `body`, which must be canonical to the byte. Source: RFC 8785, RFC 7493.

    Raises Malformed for other bytes: repeated names, white space, unsorted names, other numbers.
    """
    try:
        value: Json = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Malformed(_WHAT, f"not JSON ({_cause(error)})") from None
    if not isinstance(value, dict):
        raise Malformed(_WHAT, "not a JSON object")
    if canonical(value) != body:
        raise Malformed(_WHAT, "not in canonical form (RFC 8785)")
    return value


def _is_plain(value: Json) -> bool:
    """Whether the standard encoder, many times faster, writes `value` just as RFC 8785 asks."""
    if value is None or isinstance(value, str | bool):
        return True
    if isinstance(value, int):
        return -_SAFE_INTEGER <= value <= _SAFE_INTEGER
    if isinstance(value, float):
        return _PLAIN_FLOATS[0] <= abs(value) < _PLAIN_FLOATS[1] and not value.is_integer()
    if isinstance(value, dict):
        return all(isinstance(key, str) and key.isascii() for key in value) and all(
            map(_is_plain, value.values())
        )
    return isinstance(value, list) and all(map(_is_plain, value))


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _number(text: str) -> int | float:
    """An integer, or beyond 2**53 - 1 the double that JSON readers make of it (RFC 8785)."""
    if len(text) > _SAFE_LENGTH:
        return float(text)
    number = int(text)
    return number if -_SAFE_INTEGER <= number <= _SAFE_INTEGER else float(text)


def _cause(error: Exception) -> str:
    return "too deep" if isinstance(error, RecursionError) else type(error).__name__


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_int=_number)
