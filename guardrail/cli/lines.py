"""One JSON line in, one `Request` out: pure but for the pictures that `load` fetches."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from guardrail.cli.fields import Fields, reading
from guardrail.errors import InputError
from guardrail.records import Caller, Image, Jurisdiction, Operation, Request, TextPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JsonScalar: TypeAlias = str | int | float | bool | None
LoadImage: TypeAlias = "Callable[[str], Image]"

MAX_LINE_BYTES = 512 * 2**20
"""Longer lines are not read; 16 pictures of 20 MB each in base64 fit into less."""
_CONTENT = ("text", "prompt", "messages", "images")
_TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_IMAGE_PARTS = ("image", "image_url", "input_image")
_PLAIN = re.compile(r"[a-z_]{1,32}")


@dataclass(frozen=True, slots=True)
class Line:
    """What one input line says; exactly one of `request` and `error` is set.

    id: as given; the line's number as a string where the line is readable and has none.
    error: why the line cannot be read; never quotes a prompt.
    """

    id: JsonScalar
    request: Request | None = None
    error: str = ""


def read_line(raw: bytes, number: int, load: LoadImage) -> Line:
    """Read one line, `number` counting from 1; a fault becomes `Line.error`, never an exception."""
    identity: JsonScalar = None
    try:
        value = _decode(raw)
        identity = _identity(value, number)
        return Line(identity, _request(Fields(value), load))
    except InputError as error:
        return Line(identity, error=str(error))


def _decode(raw: bytes) -> dict[str, Any]:
    """Parse the bytes strictly: UTF-8, JSON, one object, no key twice, finite numbers."""
    if len(raw) > MAX_LINE_BYTES:
        raise InputError(f"not read: longer than {MAX_LINE_BYTES >> 20} MiB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: byte {error.start + 1} of the line") from error
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        raise InputError(f"not JSON: {what} at column {error.pos + 1}") from error
    except RecursionError as error:
        raise InputError("not read: nested too deeply") from error
    except ValueError as error:
        raise InputError("not read: an integer of too many digits") from error
    if not isinstance(value, dict):
        raise InputError(f"expected a JSON object, found {reading(value)}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputError("a key appears twice in one object")
    return found


def _constant(name: str) -> float:
    raise InputError(f"not JSON: {name} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise InputError("not read: a number out of range")
    return number


def _identity(value: dict[str, Any], number: int) -> JsonScalar:
    identity: Any = value.get("id", str(number))
    if isinstance(identity, (dict, list)):
        raise InputError(f"id: expected a plain value, found {reading(identity)}")
    scalar: JsonScalar = identity
    return scalar


def _request(fields: Fields, load: LoadImage) -> Request:
    if not any(fields.has(key) for key in _CONTENT):
        raise InputError(f"nothing to screen: give {_or(_CONTENT)}{_hint(fields)}")
    content = _Content(load)
    for key in ("prompt", "text"):
        content.prompt(fields.optional_text(key))
    for image in fields.children("images"):
        content.images.append(_image(image, load))
    for turn, message in enumerate(fields.children("messages")):
        content.message(message, turn)
    if not content.parts and not content.images and not content.problem:
        raise InputError(f"nothing to screen: {_or(_CONTENT)} are all empty")
    return Request(
        operation=_operation(fields),
        parts=tuple(content.parts),
        images=tuple(content.images),
        caller=_caller(fields.child("caller")),
        conversation=fields.text("conversation"),
        model=fields.text("model"),
        problem=content.problem,
    )


def _or(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + f" or {names[-1]}"


def _hint(fields: Fields) -> str:
    """Point out a key that looks like a misspelt one."""
    for wanted in _CONTENT:
        for near in difflib.get_close_matches(wanted, fields.names, 1, 0.75):
            if near != wanted and _PLAIN.fullmatch(near):
                return f" (did '{near}' mean '{wanted}'?)"
    return ""


def _operation(fields: Fields) -> Operation:
    name = fields.text("operation", Operation.CHAT.value)
    try:
        return Operation(name)
    except ValueError as error:
        known = ", ".join(operation.value for operation in Operation)
        raise InputError(f"operation: unknown; known are {known}") from error


def _caller(fields: Fields) -> Caller:
    return Caller(
        id=fields.text("id"),
        tier=fields.text("tier", "free"),
        age_verified=fields.truth("age_verified"),
        jurisdiction=_jurisdiction(fields),
        app=fields.text("app"),
        language=fields.text("language"),
    )


def _jurisdiction(caller: Fields) -> Jurisdiction:
    """Read a code or an object; a code that is no place counts as unknown to every policy."""
    if not caller.is_object("jurisdiction"):
        return Jurisdiction(caller.text("jurisdiction"))
    fields = caller.child("jurisdiction")
    confidence = fields.fraction("confidence", 1.0)
    return Jurisdiction(fields.text("code"), fields.text("source"), confidence)


def _image(fields: Fields, load: LoadImage) -> Image:
    if fields.has("path"):
        return load(fields.text("path"))
    if fields.has("data"):
        return picture(fields.text("data"))
    if fields.has("url"):
        return picture(fields.text("url"), url=True)
    raise InputError(f"{fields.path[:-1]}: expected a path or data")


def picture(source: str, *, url: bool = False) -> Image:
    """Decode a base64 text or `data:` URL; `Image.problem` says why there is no picture."""
    head, comma, body = source.partition(",")
    if head[:5].lower() == "data:" and comma:
        if not head.lower().endswith(";base64"):
            return Image(None, problem="a data: URL that is not base64")
        source = body
    elif url:
        return Image(None, problem="a picture given by address is not fetched")
    try:
        return Image(base64.b64decode("".join(source.split()), validate=True))
    except (binascii.Error, ValueError):
        return Image(None, problem="not base64")


class _Content:
    """The texts and pictures of one request, gathered in order."""

    def __init__(self, load: LoadImage) -> None:
        self.parts: list[TextPart] = []
        self.images: list[Image] = []
        self.problem = ""
        self._load = load

    def prompt(self, text: str | None) -> None:
        if text is not None:
            self.parts.append(TextPart(text))

    def message(self, fields: Fields, turn: int) -> None:
        role = fields.text("role", "user")
        if fields.is_list("content"):
            for part in fields.children("content"):
                self._content_part(part, role, turn)
        elif (text := fields.optional_text("content")) is not None:
            self.parts.append(TextPart(text, role, "message", turn))
        for arguments in _arguments(fields):
            self.parts.append(TextPart(arguments, role, "tool_arguments", turn))

    def _content_part(self, fields: Fields, role: str, turn: int) -> None:
        kind = fields.text("type", "text")
        if kind in _TEXT_PARTS:
            text = fields.required_text(_TEXT_PARTS[kind])
            self.parts.append(TextPart(text, role, "message", turn))
        elif kind in _IMAGE_PARTS:
            self.images.append(_message_image(fields, self._load))
        else:
            named = f" '{kind}'" if _PLAIN.fullmatch(kind) else ""
            self.problem = self.problem or f"{fields.path[:-1]}: a part of type{named} is not read"


def _message_image(fields: Fields, load: LoadImage) -> Image:
    if not fields.has("image_url"):
        return _image(fields, load)
    if fields.is_object("image_url"):
        return picture(fields.child("image_url").required_text("url"), url=True)
    return picture(fields.text("image_url"), url=True)


def _arguments(message: Fields) -> Iterator[str]:
    """Yield the arguments of a message's tool calls, in order."""
    functions = [call.child("function") for call in message.children("tool_calls")]
    for function in [*functions, message.child("function_call")]:
        if function.is_object("arguments"):
            yield json.dumps(function.value("arguments"), ensure_ascii=False)
        elif (text := function.optional_text("arguments")) is not None:
            yield text
