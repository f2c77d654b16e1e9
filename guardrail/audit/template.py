"""Templates: what an authority usually asks, by when, and what the answer is made of.

A template is a YAML file and, beside it, a covering letter in each language: `NAME.en.j2` and
`NAME.ja.j2`. Whoever needs another one writes those files; no code is needed.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from guardrail.audit.inquiry import (
    Evidence,
    Languages,
    Operations,
    Places,
    QuestionModel,
    Sections,
    read_file,
)
from guardrail.audit.localized import Language, Localized
from guardrail.errors import ConfigurationError
from guardrail.log.times import SECOND
from guardrail.policy.schema import hint
from guardrail.policy.schema_base import Model, expected

_SPAN = re.compile(r"([1-9][0-9]{0,3})([hd])")
_HOURS = {"h": 1, "d": 24}
_ALWAYS = ("evidence", "limits")


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _span(text: str) -> str:
    if not _SPAN.fullmatch(text):
        raise expected("hours or days, such as 72h or 14d")
    return text


Span = Annotated[str, AfterValidator(_span)]


class TemplateScopeModel(Model):
    """What an inquiry of this kind is usually about."""

    days: Annotated[int, Field(ge=1, le=3660)] = 90
    """How many days before it was received."""
    utc_offset: Annotated[int, Field(ge=-12, le=14)] = 0
    jurisdictions: Places = ()
    operations: Operations = ()


class TemplateModel(Model):
    """The usual shape of one kind of inquiry."""

    template: Annotated[int, Field(ge=1, le=1)]
    """The version of this format."""
    name: Localized
    authority: Localized
    due: Span
    """Time to answer, from the moment it was received."""
    languages: Languages
    sections: Annotated[Sections, Field(min_length=1)]
    """The parts of the report, in order; `evidence` and `limits` must be among them."""
    scope: TemplateScopeModel = TemplateScopeModel()
    evidence: Evidence = "auto"
    background: Localized | None = None
    """What the duty is said to rest on: orientation, not legal advice."""
    questions: Annotated[tuple[QuestionModel, ...], BeforeValidator(_listed)] = ()

    @model_validator(mode="after")
    def _whole(self) -> TemplateModel:
        if missing := [name for name in _ALWAYS if name not in self.sections]:
            raise expected(f"{' and '.join(missing)} among `sections`")
        if len(self.sections) != len(set(self.sections)):
            raise expected("each of `sections` once")
        return self

    @property
    def time(self) -> int:
        """Time to answer, ns."""
        number, unit = self.due[:-1], self.due[-1]
        return int(number) * _HOURS[unit] * 3600 * SECOND


class Template:
    """A template as read: its model, and the letters that lie beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model: TemplateModel = read_file(TemplateModel, path, "template")

    def letter(self, language: Language) -> str:
        """The Jinja source of the covering letter; ConfigurationError when it cannot be read."""
        path = self.path.with_name(f"{self.path.stem}.{language}.j2")
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"cannot read the letter {path} ({error}); each template needs one for each "
                "language that is asked for"
            ) from None


def shipped() -> dict[str, Path]:
    """The templates that come with Guardrail, by name."""
    folder = Path(str(files("guardrail.audit"))) / "templates"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_template(name: str, beside: Path) -> Template:
    """The template of that name, or the file it names, from the folder `beside`.

    Raises ConfigurationError.
    """
    known = shipped()
    if name in known:
        return Template(known[name])
    path = beside / name
    if path.is_file():
        return Template(path)
    raise ConfigurationError(
        f"no template {name!r}, expected a file or one of {', '.join(known)}"
        f"{hint(name, tuple(known))}"
    )
