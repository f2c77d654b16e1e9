"""What an authority asked, as the YAML file beside the letter has it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from guardrail.audit.localized import Language, Localized
from guardrail.audit.sections import SectionName
from guardrail.errors import ConfigurationError, InputError
from guardrail.log.times import HOUR, SECOND, parse_time
from guardrail.policy.cases import OperationName
from guardrail.policy.reading import read_model
from guardrail.policy.schema import check_place
from guardrail.policy.schema_base import Model, Text, expected

Evidence = Literal["auto", "proofs", "log"]
Short = Annotated[str, Field(max_length=300)]
MAX_QUESTIONS = 100
_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")
MAX_SAMPLES = 500
MAX_DAYS = 3660


M = TypeVar("M", bound=BaseModel)


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _moment(value: str) -> str:
    try:
        at_of(value)
    except InputError:
        raise expected("a day or a time, such as 2026-01-16 or 2026-01-16T09:00+09:00") from None
    return value


def _place(code: str) -> str:
    if wrong := check_place(code):
        raise expected(wrong)
    return code


def _id(name: str) -> str:
    if not _ID.fullmatch(name):
        raise expected("a short name of letters, digits, '.', '_' and '-'")
    return name


Moment = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_moment)]
Places = Annotated[tuple[Annotated[str, AfterValidator(_place)], ...], BeforeValidator(_listed)]
Operations = Annotated[tuple[OperationName, ...], BeforeValidator(_listed)]
Codes = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
Languages = Annotated[tuple[Language, ...], BeforeValidator(_listed), Field(min_length=1)]
Sections = Annotated[tuple[SectionName, ...], BeforeValidator(_listed)]


class ScopeModel(Model):
    """What of the log is asked about. An empty list asks for everything."""

    since: Moment
    """Day or time of the first attempt."""
    until: Moment
    """Day or time before which the last attempt was opened."""
    utc_offset: Annotated[int, Field(ge=-12, le=14)] = 0
    """Whole hours ahead of UTC by which days are counted; 9 for Japan."""
    jurisdictions: Places = ()
    """ISO 3166 codes; `US` means `US-CA` too."""
    operations: Operations = ()
    reasons: Codes = ()
    """Reason codes, such as real_person_sexual: for the parts about single attempts."""

    @model_validator(mode="after")
    def _ordered(self) -> ScopeModel:
        if self.start >= self.end:
            raise expected("`since` before `until`")
        if self.end - self.start > MAX_DAYS * 24 * HOUR:
            raise expected(f"at most {MAX_DAYS:,} days between `since` and `until`")
        if (self.start - self.offset) % HOUR or (self.end - self.offset) % HOUR:
            raise expected("whole hours in `since` and `until`: attempts are counted by the hour")
        return self

    @property
    def offset(self) -> int:
        """How far days are ahead of UTC, ns."""
        return self.utc_offset * HOUR

    @property
    def start(self) -> int:
        """The beginning, ns since the epoch."""
        return at_of(self.since, self.utc_offset)

    @property
    def end(self) -> int:
        """The end, exclusive, ns since the epoch."""
        return at_of(self.until, self.utc_offset)


class QuestionModel(Model):
    """One question of the letter, and where the report answers it."""

    id: Annotated[str, AfterValidator(_id)]
    text: Localized
    sections: Sections = ()
    """Parts of the report that answer it."""
    answer: Localized | None = None
    """In words; may hold figures, as `{{ attempts }}`."""


class ContactModel(Model):
    """Who answers for the operator."""

    organisation: Short = ""
    name: Short = ""
    email: Short = ""


class InquiryModel(Model):
    """An inquiry: who asks, by when, what about, and how it is answered."""

    inquiry: Annotated[int, Field(ge=1, le=1)]
    """The version of this format."""
    template: Text
    """A template that comes with Guardrail, or a file."""
    authority: Localized
    reference: Short = ""
    """The authority's own reference."""
    received: Moment
    due: Moment
    languages: Languages
    scope: ScopeModel
    contact: ContactModel = ContactModel()
    questions: Annotated[
        tuple[QuestionModel, ...], BeforeValidator(_listed), Field(max_length=MAX_QUESTIONS)
    ] = ()
    samples: Annotated[int, Field(ge=0, le=MAX_SAMPLES)] = 20
    """How many attempts are shown one by one."""
    evidence: Evidence = "auto"
    """`log`: every entry goes into the pack; `proofs`: only those shown; `auto`: as many fit."""

    @model_validator(mode="after")
    def _unique(self) -> InquiryModel:
        ids = [question.id for question in self.questions]
        if len(ids) != len(set(ids)):
            raise expected("each question's `id` once")
        if len(self.languages) != len(set(self.languages)):
            raise expected("each language once")
        return self


def at_of(text: str, utc_offset: int = 0) -> int:
    """Nanoseconds since the epoch of a day or time; without a zone, `utc_offset` hours ahead.

    Raises InputError.
    """
    at = parse_time(text)
    try:
        aware = datetime.fromisoformat(text.strip()).tzinfo is not None
    except ValueError:
        raise InputError(f"not a day or a time that stays the same: {text!r}") from None
    return at - (0 if aware else utc_offset * HOUR)


def moment_of(at: int, utc_offset: int = 0) -> datetime:
    """`at` (ns since the epoch) to the second, so many hours ahead of UTC, without a zone."""
    moment = datetime.fromtimestamp(at // SECOND, UTC).replace(tzinfo=None)
    return moment + timedelta(hours=utc_offset)


def read_inquiry(path: Path) -> InquiryModel:
    """Read an inquiry; raises ConfigurationError with every problem: file, line, column."""
    return read_file(InquiryModel, path, "inquiry")


def read_file(model: type[M], path: Path, what: str) -> M:
    """Check a YAML file against a model; raises ConfigurationError with every problem in it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the {what} {path}: {error.strerror}") from None
    found, source = read_model(model, data, str(path))
    if found is None or source.problems:
        problems = sorted(source.problems, key=lambda problem: (problem.line, problem.column))
        raise ConfigurationError("\n".join(map(str, problems)))
    return found
