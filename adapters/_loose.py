"""What passes in and out of tools: values of any shape, pictures among them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from guardrail.adapters.wire.content import Content, image_of, plain
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.records import Image, Operation, Origin, Output, Request

MAX_DEPTH = 50
"""Levels of nesting that are read; what lies deeper cannot be screened."""

_NAMED = re.compile(
    r"(?:.*_)?(?:image|img|mask|photo|picture)s?(?:_(?:url|urls|uri|base64|b64|data|bytes|file|path))?"
)
_MAGIC = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "Qk0", "AAAAIGZ0eXBhdmlm")
_SAYS_NOTHING = (bool, int, float, complex, date, time, timedelta, Decimal, UUID, type(None))
_MIN_BASE64 = 64


def tool_request(
    arguments: Mapping[str, Any],
    limit_bytes: int,
    operation: Operation = Operation.IMAGE_GENERATE,
    **given: Any,
) -> Request:
    """A call of a tool that makes pictures, as the request for a picture that it is.

    limit_bytes: largest picture that is read. given: other fields of the Request.
    """
    content = Content(limit_bytes)
    for name, value in arguments.items():
        take(content, value, "user", "prompt", name=name)
    return content.request(operation, **given)


def tool_output(result: object) -> Output:
    """What a tool returned: its texts, and its pictures as bytes, data URLs, base64 or objects."""
    content = Content(LIMIT_BYTES)
    take(content, result, "assistant", "output")
    broken = next((image.problem for image in content.images if image.problem), "")
    return Output(tuple(content.parts), tuple(content.images), content.problem or broken)


def take(  # noqa: PLR0913  where a value stands
    content: Content, value: Any, role: str, origin: Origin, *, name: str = "", depth: int = 0
) -> None:
    """Take in every text and picture of a value; what is of no known shape cannot be screened."""
    if depth > MAX_DEPTH:
        content.unreadable("values nested too deep cannot be screened")
    elif isinstance(value, str) and not isinstance(value, Enum):
        _take_text(content, value, role, origin, name)
    elif isinstance(value, bytes | bytearray | memoryview):
        content.images.append(Image(bytes(value)))
    elif isinstance(value, PurePath):
        content.unreadable("a file that is only named cannot be screened")
    elif isinstance(value, Enum):
        take(content, value.value, role, origin, name=name, depth=depth + 1)
    elif isinstance(value, _SAYS_NOTHING):
        return
    elif str(getattr(value, "kind", "")) == "image-url":
        content.images.append(image_of(value.url, content.limit_bytes))
    elif (inside := _members(value, name)) is not None:
        for key, member in inside:
            take(content, member, role, origin, name=key, depth=depth + 1)
    else:
        content.images.append(picture(value))


def picture(value: object) -> Image:
    """The picture that an object of Pillow, numpy or torch is; else an unreadable one."""
    try:
        data = _png(value)
    except Exception as problem:  # noqa: BLE001  a picture may fail in any way; it is unreadable then
        return Image(problem=f"a picture could not be read ({type(problem).__name__})")
    if data is None:
        return Image(problem=f"a value of type {type(value).__name__} cannot be screened")
    return Image(data)


def _take_text(content: Content, value: str, role: str, origin: Origin, name: str) -> None:
    encoded = len(value) >= _MIN_BASE64 and value.startswith(_MAGIC) and " " not in value
    if value[:5].lower() == "data:" or encoded:
        content.picture(value)
    elif origin != "output" and value and _NAMED.fullmatch(name.lower()):
        content.images.append(image_of(value, content.limit_bytes))
    else:
        content.text(value, role, origin)


def _members(value: Any, name: str) -> Sequence[tuple[str, Any]] | None:
    if isinstance(value, Mapping):
        keyed = [(str(key), member) for key, member in value.items()]
        return [*keyed, *(("", key) for key in value if isinstance(key, str) and " " in key)]
    if isinstance(value, list | tuple | set | frozenset):
        return [(name, member) for member in value]
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    model = plain(value)
    return None if model is None else list(model.items())


def _png(value: Any) -> bytes | None:
    """A picture as PNG; None for what is none."""
    if hasattr(value, "save") and hasattr(value, "mode"):
        return _saved(value)
    if hasattr(value, "detach"):
        value = value.detach().cpu().float().numpy()
    if not hasattr(value, "__array_interface__"):
        return None
    from PIL import Image as Pillow

    return _saved(Pillow.fromarray(_as_bytes(value)))


def _saved(value: Any) -> bytes:
    out = io.BytesIO()
    value = value if value.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else value.convert("RGB")
    value.save(out, format="PNG")
    return out.getvalue()


def _as_bytes(array: Any) -> Any:
    """Pixels as (height, width) or (height, width, channels) of 0 to 255; one picture only."""
    import numpy as np

    while array.ndim > 3 and array.shape[0] == 1:  # noqa: PLR2004  a picture has three axes
        array = array[0]
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):  # noqa: PLR2004
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:  # noqa: PLR2004
        array = array[:, :, 0]
    if array.dtype != np.uint8:
        low, high = float(array.min()), float(array.max())
        if not (low >= -1.0001 and high <= 255.001):  # noqa: PLR2004
            raise ValueError("values outside the range of pixels")
        if high <= 1.0001:  # noqa: PLR2004
            array = (array + 1) * 127.5 if low < 0 else array * 255
        array = array.round().clip(0, 255).astype(np.uint8)
    return array
