"""The exact bytes of one entry: a version line, then canonical JSON (RFC 8785)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import rfc8785

from guardrail.chain.errors import Malformed
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.tiles import MAX_ENTRY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

HEADER = b"guardrail-entry/1\n"
MAX_BODY = MAX_ENTRY - len(HEADER)
_WHAT = "entry"
_SAFE_INTEGER = (1 << 53) - 1
_PLAIN_FLOATS = (1e-4, 1e16)
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
        return rfc8785.dumps(value)  # type: ignore[arg-type]
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
        value: Json = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Malformed(_WHAT, f"not JSON ({_cause(error)})") from None
    if not isinstance(value, dict):
        raise Malformed(_WHAT, "not a JSON object")
    if canonical(value) != body:
        raise Malformed(_WHAT, "not in canonical form (RFC 8785)")
    return value


def _is_plain(value: object) -> bool:
    """Whether the standard encoder writes `value` just as RFC 8785 asks."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -_SAFE_INTEGER <= value <= _SAFE_INTEGER  # type: ignore[operator]
    if kind is float:
        low, high = _PLAIN_FLOATS
        return low <= abs(value) < high and not value.is_integer()  # type: ignore[arg-type,attr-defined]
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))  # type: ignore[call-overload]
    return kind is dict and all(
        type(name) is str and name.isascii() and _is_plain(item)
        for name, item in value.items()  # type: ignore[attr-defined]
    )


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _cause(error: Exception) -> str:
    return "too deep" if isinstance(error, RecursionError) else type(error).__name__
