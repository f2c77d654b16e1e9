"""Reading OpenAI-shaped values of any depth, as dicts or as objects, without trusting them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from guardrail.detect.intake import decode_base64
from guardrail.errors import InputError
from guardrail.records import Image, Operation, Origin, Request, TextPart

MAX_VALUES = 20_000
"""Values looked at in one request before it counts as unreadable."""

IDENTIFIER = re.compile(r"[A-Za-z0-9_.:/+=@?&%#~$,-]{0,256}", re.ASCII)
"""One word of the kind machines use: a name, an address, a number."""

_DATA = re.compile(r"data:[^,\s]{0,200};base64,", re.IGNORECASE)


@dataclass(slots=True)
class Content:
    """What a request or a reply says, collected piece by piece.

    limit_bytes: largest picture that is decoded. problem: the first thing that cannot be read.
    pictures: whether the model is asked, or enabled, to make a picture.
    sent: arguments to send in place of those given, so that what was screened is what is sent.
    """

    limit_bytes: int
    parts: list[TextPart] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    problem: str = ""
    pictures: bool = False
    sent: dict[str, Any] = field(default_factory=dict)

    def unreadable(self, problem: str) -> None:
        """Note that something cannot be screened; the first note is kept."""
        self.problem = self.problem or problem

    def text(
        self, value: object, role: str = "user", origin: Origin = "message", turn: int = 0
    ) -> None:
        """Take in one text; None and the empty string say nothing."""
        if isinstance(value, str):
            if value:
                self.parts.append(TextPart(value, role, origin, turn))
        elif value is not None:
            self.unreadable(f"a text given as {type(value).__name__} cannot be screened")

    def picture(self, value: object) -> None:
        """Take in a picture given as base64, as a data URL, or as a URL, which is not fetched."""
        self.images.append(image_of(value, self.limit_bytes))

    def file(self, data: bytes) -> None:
        """Take in the bytes of a picture."""
        self.images.append(Image(data))

    def request(self, operation: Operation, **fields: Any) -> Request:
        """Freeze it into a Request; what can end in a picture, or starts from one, is judged so."""
        made = self.pictures and not operation.visual
        if made or (operation is Operation.IMAGE_GENERATE and self.images):
            operation = Operation.IMAGE_EDIT if self.images else Operation.IMAGE_GENERATE
        plain = Request(operation, tuple(self.parts), tuple(self.images), problem=self.problem)
        return replace(plain, **fields)

    def prose(
        self, value: object, role: str = "user", origin: Origin = "message", turn: int = 0
    ) -> None:
        """As `everything`, but for texts that are identifiers: for what should be a setting."""
        known = IDENTIFIER.fullmatch(value) if isinstance(value, str) else isinstance(value, float)
        if value and not known and not isinstance(value, int):
            self.everything(value, role, origin, turn, spare=IDENTIFIER)

    def everything(
        self,
        value: object,
        role: str = "user",
        origin: Origin = "message",
        turn: int = 0,
        *,
        spare: re.Pattern[str] | None = None,
    ) -> None:
        """Take in every text and picture in a value of unknown shape, cycles and all.

        A name in a mapping counts as text unless it is an identifier. spare: texts to leave out.
        """
        seen: set[int] = set()
        left = [value]
        looked = 0
        while left:
            looked += 1
            if looked > MAX_VALUES:
                self.unreadable("too many values to screen")
                return
            item = left.pop()
            if isinstance(item, str):
                if spare is None or not spare.fullmatch(item):
                    self._loose(item, role, origin, turn)
            elif isinstance(item, bytes | bytearray):
                self.file(bytes(item))
            elif hasattr(item, "read"):
                self.unreadable("a file in an unknown place cannot be screened")
            elif id(item) not in seen:
                seen.add(id(item))
                left.extend(reversed(_inside(item)))

    def _loose(self, value: str, role: str, origin: Origin, turn: int) -> None:
        if value[:11].lower() == "data:image/":
            self.picture(value)
        elif _DATA.match(value):
            self.unreadable("data that is no picture cannot be screened")
        else:
            self.text(value, role, origin, turn)


def image_of(value: object, limit_bytes: int) -> Image:
    """A picture given as base64 or as a data URL; one given as a URL is not fetched."""
    if not isinstance(value, str):
        return Image(problem="picture without readable data")
    if value[:5].lower() != "data:" and "://" in value[:16]:
        return Image(problem="remote image cannot be screened")
    try:
        return Image(decode_base64(value, limit_bytes))
    except InputError as problem:
        return Image(problem=str(problem))


def get(value: object, name: str) -> Any:
    """The named field of a mapping or object; None where there is none."""
    if value is None:
        return None
    if isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101  the first is fast
        return value.get(name)
    return getattr(value, name, None)


def plain(value: object) -> Mapping[str, Any] | None:
    """The value as a mapping: one already, or a model object; else None."""
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    dumped = dump() if callable(dump) else None
    return dumped if isinstance(dumped, Mapping) else None


def odd_names(value: Mapping[str, Any]) -> Sequence[str]:
    """The names in a mapping that are no identifiers, and so may be words."""
    return [name for name in value if isinstance(name, str) and not IDENTIFIER.fullmatch(name)]


def items(value: object) -> Sequence[Any]:
    """The members of a list or tuple; of anything else none."""
    return value if isinstance(value, list | tuple) else ()


def says_nothing(value: object) -> bool:
    """Whether a value is a number or an identifier."""
    known = isinstance(value, str) and IDENTIFIER.fullmatch(value) is not None
    return known or isinstance(value, int | float)


def word(value: object) -> str:
    """The value, if it is a string; else the empty string."""
    return value if isinstance(value, str) else ""


def _inside(item: object) -> list[Any]:
    if isinstance(item, Mapping):
        return [*odd_names(item), *item.values()]
    if isinstance(item, list | tuple | set | frozenset):
        return list(item)
    return list((plain(item) or {}).values())


def is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    """Whether a value can be gone through item by item, one-shot iterators included."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | Mapping)
