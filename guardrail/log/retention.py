"""How long private data are kept: classes by rule, reason, jurisdiction, operation and action."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from guardrail.chain.entry import canonical
from guardrail.errors import ConfigurationError, PolicyError
from guardrail.log.times import SECOND, UNITS
from guardrail.policy.reading import Source, read_model
from guardrail.policy.schema import check_place, hint
from guardrail.policy.schema_base import Model, Text, expected
from guardrail.records import Action, Operation

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.log.private import Kept

FOREVER = "forever"
UNKNOWN = "unknown"
_TIME = re.compile(r"([1-9][0-9]{0,5})([smhdw])")


def _several(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


def _operation(pattern: str) -> str:
    known = tuple(operation.value for operation in Operation)
    if not any(fnmatchcase(name, pattern) for name in known):
        raise expected(f"an operation or a pattern of some ({', '.join(known)})")
    return pattern


def _action(name: str) -> str:
    known = tuple(action.label for action in Action)
    if name not in known:
        raise expected(f"one of {', '.join(known)}{hint(name, known)}")
    return name


def _place(code: str) -> str:
    if code != UNKNOWN and (wrong := check_place(code)):
        raise expected(f"{UNKNOWN}, or {wrong}")
    return code


def _time(text: str) -> str:
    if text != FOREVER and not _TIME.fullmatch(text):
        raise expected(f"a time such as 180d, 26w or 24h, or {FOREVER}")
    return text


_Texts = Annotated[tuple[Text, ...], BeforeValidator(_several), Field(min_length=1)]
_Time = Annotated[str, AfterValidator(_time)]


class _Match(Model):
    rule: _Texts | None = None
    reason: _Texts | None = None
    jurisdiction: Annotated[
        tuple[Annotated[str, AfterValidator(_place)], ...] | None,
        BeforeValidator(_several),
        Field(min_length=1),
    ] = None
    operation: Annotated[
        tuple[Annotated[str, AfterValidator(_operation)], ...] | None,
        BeforeValidator(_several),
        Field(min_length=1),
    ] = None
    action: Annotated[
        tuple[Annotated[str, AfterValidator(_action)], ...] | None,
        BeforeValidator(_several),
        Field(min_length=1),
    ] = None


class _Class(Model):
    name: Annotated[Text, Field(alias="class")]
    match: _Match
    keep: _Time


class _Default(Model):
    name: Annotated[Text, Field(alias="class")] = "default"
    keep: _Time


class _File(Model):
    retention: list[_Class] = Field(default_factory=list)
    default: _Default


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """One class. keep: ns since the opening of an attempt; None: for ever. match: by field."""

    name: str
    keep: int | None
    match: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def holds(self, kept: Kept) -> bool:
        """Whether an attempt is of this class."""
        return all(
            any(_fits(name, pattern, getattr(kept, name)) for pattern in patterns)
            for name, patterns in self.match
        )


@dataclass(frozen=True, slots=True)
class Retention:
    """Every class, in order: an attempt is of the first that fits, else of the last, the default.

    digest: SHA-256 of the file's content in the form of RFC 8785, hex.
    """

    classes: tuple[RetentionClass, ...]
    digest: str

    @property
    def default(self) -> RetentionClass:
        """For whatever no other class fits."""
        return self.classes[-1]

    def of(self, kept: Kept) -> RetentionClass:
        """The class of an attempt."""
        return next(each for each in self.classes if each.holds(kept))

    @property
    def shortest(self) -> int | None:
        """What every attempt is kept for at least, ns; None where all are kept for ever."""
        return min((each.keep for each in self.classes if each.keep is not None), default=None)


def load_retention(path: Path) -> Retention:
    """Read a retention file; PolicyError says everything that is wrong with it, and where."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    model, source = read_model(_File, data, str(path))
    if model is not None:
        _check_names(model, source)
    if model is None or source.problems:
        raise PolicyError(sorted(source.problems, key=lambda found: (found.line, found.column)))
    return _retention(model)


def _check_names(model: _File, source: Source) -> None:
    seen = {model.default.name}
    for index, each in enumerate(model.retention):
        if each.name in seen:
            node = source.at("retention", index, "class")
            source.problem(node, f"found {each.name!r} a second time, expected another name")
        seen.add(each.name)


def _retention(model: _File) -> Retention:
    classes = [
        RetentionClass(each.name, _ns(each.keep), _pairs(each.match)) for each in model.retention
    ]
    classes.append(RetentionClass(model.default.name, _ns(model.default.keep)))
    content: Any = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Retention(tuple(classes), hashlib.sha256(canonical(content)).hexdigest())


def _pairs(match: _Match) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, values) for name, values in match if values is not None)


def _ns(text: str) -> int | None:
    found = _TIME.fullmatch(text)
    return None if found is None else int(found[1]) * UNITS[found[2]] * SECOND


def _fits(name: str, pattern: str, value: str) -> bool:
    if name == "jurisdiction":
        place = "" if pattern == UNKNOWN else pattern
        return value == place or (place != "" and value.startswith(f"{place}-"))
    return fnmatchcase(value, pattern) if name == "operation" else value == pattern
