"""Contents and parts of requests, replies and streams turned into what is to be screened; pure.

Google's servers take a field in either spelling, `inlineData` or `inline_data`: both are read.
Source: https://ai.google.dev/api/caching#Content
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from guardrail.adapters.wire.content import Content, word
from guardrail.records import Image, Origin

_PAYLOADS = frozenset(
    {
        "codeexecutionresult", "executablecode", "filedata", "functioncall", "functionresponse",
        "inlinedata", "text", "toolcall", "toolresponse",
    }
)  # fmt: skip
_ASKS = frozenset({"executablecode", "functioncall", "toolcall"})
_IDENTIFIERS = frozenset(
    {
        "@type", "blockreason", "category", "finishreason", "id", "language", "mimetype",
        "modality", "model", "modelversion", "name", "outcome", "probability", "responseid", "role",
        "sdkblob", "severity", "status", "thoughtsignature", "traffictype", "type",
    }
)  # fmt: skip
_IDENTIFIER = re.compile(r"[\w.:/+=@-]*", re.ASCII)
_ROLES = {"model": "assistant", "function": "tool"}
_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Voice:
    """Who says a part, and where.

    strict: whether a part of a kind nobody knows counts as unreadable; else its texts are read.
    """

    role: str = "user"
    origin: Origin = "message"
    turn: int = 0
    strict: bool = True
    depth: int = 0

    def asking(self) -> Voice:
        """The same, as arguments of a tool."""
        return replace(self, role="assistant", origin="tool_arguments", depth=self.depth + 1)

    def deeper(self) -> Voice:
        """The same, one level further in."""
        return replace(self, depth=self.depth + 1)


def spelled(name: str) -> str:
    """A field's name, whichever spelling it came in."""
    return name.replace("_", "").lower()


def field(value: object, name: str) -> Any:
    """The field of that name, in either spelling; None where there is none.

    name: as `spelled` gives it. Of several, the first that says something.
    """
    if not isinstance(value, Mapping):
        return None
    found = (item for key, item in value.items() if spelled(key) == name and item is not None)
    return next(found, None)


def fields(value: object, name: str) -> Iterator[Any]:
    """Every field of that name: a body may have both spellings."""
    if isinstance(value, Mapping):
        yield from (item for key, item in value.items() if spelled(key) == name)


def several(value: Any) -> Sequence[Any]:
    """The members of a list; anything else but null stands for a list of itself."""
    if isinstance(value, list):
        return value
    return () if value is None else (value,)


def read_content(content: Content, value: object, voice: Voice) -> None:
    """Take in one `Content`: a role and its parts."""
    if not isinstance(value, Mapping):
        content.text(value, voice.role, voice.origin, voice.turn)
        return
    given = word(field(value, "role"))
    role = _ROLES.get(given, given) or voice.role
    voice = replace(voice, role=role)
    for name, item in value.items():
        if spelled(name) == "parts":
            for part in several(item):
                read_part(content, part, voice)
        else:
            _field(content, name, item, voice)


def read_part(content: Content, part: object, voice: Voice) -> None:
    """Take in one part with all its texts, pictures and arguments."""
    if isinstance(part, str) or part is None:
        content.text(part, voice.role, voice.origin, voice.turn)
    elif not isinstance(part, Mapping):
        content.unreadable(f"a part given as {type(part).__name__} cannot be screened")
    elif voice.strict and not any(spelled(name) in _PAYLOADS for name in part):
        content.unreadable("a part of a kind that is not known cannot be screened")
    else:
        read_fields(content, part, voice)


def read_fields(content: Content, value: Mapping[str, Any], voice: Voice) -> None:
    """Take in every field of a mapping, at any depth."""
    for name, item in value.items():
        _field(content, name, item, voice)


def _field(content: Content, name: str, value: Any, voice: Voice) -> None:
    known = spelled(name)
    if voice.depth > _DEPTH:
        content.unreadable("parts nested too deep to screen")
    elif known == "inlinedata":
        _blob(content, value, voice)
    elif known == "logprobsresult":
        return
    elif known == "filedata":
        content.unreadable("a file that is kept elsewhere cannot be screened")
    elif known in _ASKS:
        read_any(content, value, voice.asking())
    elif known not in _IDENTIFIERS or not is_identifier(value):
        read_any(content, value, voice.deeper())


def read_any(content: Content, value: Any, voice: Voice) -> None:
    """Take in a value of unknown shape."""
    if voice.depth > _DEPTH:
        content.unreadable("parts nested too deep to screen")
    elif isinstance(value, Mapping):
        read_fields(content, value, voice)
    elif isinstance(value, list):
        for item in value:
            read_any(content, item, voice.deeper())
    else:
        content.everything(value, voice.role, voice.origin, voice.turn)


def _blob(content: Content, value: object, voice: Voice) -> None:
    kind = word(field(value, "mimetype")).lower()
    given = [item for item in fields(value, "data") if item is not None]
    if isinstance(value, Mapping):
        rest = {name: item for name, item in value.items() if spelled(name) != "data"}
        read_fields(content, rest, voice.deeper())
    if len(given) != 1 or not isinstance(given[0], str):
        content.unreadable("inline data without data cannot be screened")
    elif kind.startswith("image/"):
        content.picture(plain_base64(given[0]))
    elif kind.startswith("text/"):
        _text(content, given[0], voice)
    else:
        content.images.append(Image(problem="inline data that is no picture"))


def _text(content: Content, data: str, voice: Voice) -> None:
    try:
        said = base64.b64decode(plain_base64(data), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        content.unreadable("inline text that is not UTF-8 cannot be screened")
    else:
        content.text(said, voice.role, voice.origin, voice.turn)


def plain_base64(data: str) -> str:
    """Base64 in its first alphabet and padded: Google takes the one for URLs too."""
    data = data.replace("-", "+").replace("_", "/")
    return data + "=" * (-len(data) % 4)


def is_identifier(value: object) -> bool:
    """Whether a value can say nothing: a number, or one word of an id's letters."""
    return not isinstance(value, str | list | Mapping) or (
        isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None
    )
