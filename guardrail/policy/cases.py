"""The shape of a policy test file, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from guardrail.policy.schema import (
    ActionName,
    Obligation,
    RequireModel,
    StageName,
    Texts,
    check_place,
)
from guardrail.policy.schema_base import Model, Text, expected
from guardrail.records import (
    FACT_NAMES,
    FactName,
    Facts,
    Kind,
    Minor,
    Person,
    Role,
    Severity,
    Sexual,
)

OperationName = Literal[
    "chat",
    "text",
    "image.generate",
    "image.edit",
    "image.variation",
    "video.generate",
    "video.edit",
]


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _place(code: str) -> str:
    wrong = check_place(code) if code else ""
    if wrong:
        raise expected(wrong)
    return code


FactNames = Annotated[
    tuple[FactName, ...], BeforeValidator(_listed, json_schema_input_type=list[FactName])
]
Owed = Annotated[
    tuple[Obligation, ...], BeforeValidator(_listed, json_schema_input_type=list[Obligation])
]


class CallerModel(Model):
    """Who asks. Default: tier free, age not verified, jurisdiction unknown."""

    tier: Text = "free"
    age_verified: bool = False
    jurisdiction: Annotated[str, AfterValidator(_place)] = ""
    """An ISO 3166 code."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How sure the jurisdiction is."""
    app: str = ""


class PersonModel(Model):
    """A person the request speaks of."""

    kind: Literal["public", "private", "relational", "uploaded", "fictional"]
    role: Literal["depicted", "creator", "mentioned"] = "depicted"
    minor: bool = False
    protected: bool = False


class FactsModel(Model):
    """What the detectors found; what is left out was looked for and not found."""

    sexual: Literal["none", "suggestive", "nudity", "explicit"] = "none"
    minor: bool = False
    persons: list[PersonModel] = Field(default_factory=list)
    edit_of_photo: bool = False
    undress: bool = False
    obfuscated: Texts = ()
    """Disguises undone, such as `leet`."""
    labels: Texts = ()
    """Third-party labels."""
    unscanned: FactNames = ()
    """Facts that could not be scanned."""


class ExpectModel(Model):
    """What the decision must be; what is left out may be anything."""

    action: ActionName
    rule: str | None = None
    """The deciding rule; an empty text for none."""
    reason: Text | None = None
    obligations: Owed | None = None
    """Exactly these."""
    requirement: RequireModel | None = None


class CaseModel(Model):
    """One case."""

    name: Text
    """What is tested; unique in the file."""
    operation: OperationName = "image.generate"
    stage: StageName = "input"
    caller: CallerModel = CallerModel()
    facts: FactsModel = FactsModel()
    expect: ExpectModel


class CasesModel(Model):
    """A policy test file, `<policy>.test.yaml` beside the policy."""

    policy: Text | None = None
    """The policy tested, relative to this file. Default: the file of the same name."""
    cases: Annotated[list[CaseModel], Field(min_length=1)]


def facts_of(model: FactsModel) -> Facts:
    """The facts of a case, all of them complete."""
    severity = Severity[model.sexual.upper()]
    return Facts(
        sexual=Sexual(severity, float(severity >= Severity.NUDITY)),
        minor=Minor(model.minor, float(model.minor)),
        persons=tuple(
            Person(Kind(p.kind), Role(p.role), 1.0, minor=p.minor, protected=p.protected)
            for p in model.persons
        ),
        edit_of_photo=model.edit_of_photo,
        undress=model.undress,
        obfuscated=frozenset(model.obfuscated),
        labels=frozenset(model.labels),
        complete=frozenset(FACT_NAMES),
        unscanned=frozenset(model.unscanned),
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a policy test file, for editors."""
    schema = CasesModel.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
