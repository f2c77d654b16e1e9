"""Attempts as JSON lists, for the way between processes: made from the types of their fields.

Pictures travel as their SHA-256. What does not fit the types is refused.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias

from guardrail.errors import InputError
from guardrail.records import AttemptClosed, AttemptOpened, Image

Way: TypeAlias = Callable[[Any], Any]
_NOT_SENT = "stayed with the client"


@dataclass(frozen=True, slots=True)
class Codec:
    """Turns values of one type into JSON and back; None: they are JSON as they are."""

    encode: Way | None
    decode: Way


def encode(attempt: AttemptOpened | AttemptClosed) -> list[Any]:
    """JSON that `decode` reads."""
    opened = isinstance(attempt, AttemptOpened)
    way = _codec(AttemptOpened if opened else AttemptClosed).encode
    found: list[Any] = way(attempt) if way is not None else []
    return found


def decode_opened(data: object) -> AttemptOpened:
    """What `encode` made; raises InputError."""
    found: AttemptOpened = _decoded(AttemptOpened, data)
    return found


def decode_closed(data: object) -> AttemptClosed:
    """What `encode` made; raises InputError."""
    found: AttemptClosed = _decoded(AttemptClosed, data)
    return found


def _decoded(kind: Any, data: object) -> Any:
    try:
        return _codec(kind).decode(data)
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        raise InputError(f"not an attempt ({type(error).__name__}: {error})") from None


@cache
def _codec(kind: Any) -> Codec:
    if kind is Image:
        return Codec(lambda image: [image.sha256, image.problem], _image)
    if kind in {str, bool, int}:
        return Codec(None, lambda data: data if type(data) is kind else _wrong(kind, data))
    if kind is float:
        return Codec(None, _float)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Codec(lambda value: value.value, kind)
    if is_dataclass(kind):
        return _record(kind)
    return _generic(kind)


def _generic(kind: Any) -> Codec:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        known = frozenset(args)
        return Codec(None, lambda data: data if data in known else _wrong(kind, data))
    if origin in {UnionType, typing.Union} and args[1] is NoneType:
        return _optional(_codec(args[0]))
    if origin in {tuple, frozenset}:
        return _many(origin, _codec(args[0]))
    raise TypeError(f"no codec for {kind}")


def _optional(inner: Codec) -> Codec:
    write, read = inner.encode, inner.decode
    return Codec(
        write and (lambda value: None if value is None else write(value)),
        lambda data: None if data is None else read(data),
    )


def _many(container: Any, inner: Codec) -> Codec:
    write, read = inner.encode, inner.decode

    def decode(data: object) -> Any:
        return container(map(read, _list(data)))

    if write is None:
        return Codec(list, decode)
    return Codec(lambda values: [*map(write, values)], decode)


def _record(kind: Any) -> Codec:
    """A list of its fields, in their order, without those it makes itself."""
    hints = typing.get_type_hints(kind)
    given = [field for field in fields(kind) if field.init]
    codecs = [_codec(hints[field.name]) for field in given]
    ways = [(field.name, codec.encode) for field, codec in zip(given, codecs, strict=True)]
    reads = [codec.decode for codec in codecs]
    names = [field.name for field in given]
    by_name = any(field.kw_only for field in given)

    def encode(value: Any) -> list[Any]:
        return [
            getattr(value, name) if way is None else way(getattr(value, name)) for name, way in ways
        ]

    def decode(data: object) -> Any:
        values = [read(each) for read, each in zip(reads, _list(data), strict=True)]
        return kind(**dict(zip(names, values, strict=True))) if by_name else kind(*values)

    return Codec(encode, decode)


def _list(data: object) -> list[Any]:
    return data if type(data) is list else _wrong(list, data)


def _float(data: object) -> float:
    if type(data) is float or type(data) is int:
        return float(data)
    found: float = _wrong(float, data)
    return found


def _image(data: object) -> Image:
    digest, problem = _list(data)
    if type(digest) is not str or type(problem) is not str:
        _wrong(str, data)
    image = Image(None, problem or _NOT_SENT)
    object.__setattr__(image, "sha256", digest)
    return image


def _wrong(kind: Any, data: object) -> Any:
    raise TypeError(f"{type(data).__name__} where {kind} belongs")
