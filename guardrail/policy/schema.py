"""The shape of a policy file, as pydantic models: checked on loading, printed as JSON Schema."""

from __future__ import annotations

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from guardrail.policy.engine import ON_ERROR
from guardrail.policy.jurisdictions import STRICTEST, is_place, places
from guardrail.policy.rule import HOLD_BACK
from guardrail.policy.schema_base import Model, Text, expected
from guardrail.policy.schema_second import SecondStageModel
from guardrail.records import Operation

_MOST_HELD = 100_000
OPERATIONS = tuple(operation.value for operation in Operation)


def hint(word: str, known: tuple[str, ...]) -> str:
    """`; did you mean 'x'?`, or nothing."""
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _several(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


def _named(pattern: str, what: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise expected(what)
        return value

    return AfterValidator(check)


def _only_true(value: object) -> object:
    if value is False:
        raise expected("true: a condition is evidence found; to ask for none leave the key out")
    return value


def _not_reserved(name: str) -> str:
    if name == ON_ERROR:
        raise expected(f"another name: {ON_ERROR!r} is what decides where a scan is missing")
    return name


def _operation(pattern: str) -> str:
    if not any(fnmatchcase(operation, pattern) for operation in OPERATIONS):
        known = (*OPERATIONS, "image.*", "video.*")
        close = hint(pattern, known)
        raise expected(f"an operation or a pattern of some ({', '.join(OPERATIONS)}){close}")
    return pattern


def _hold_back(value: object) -> object:
    fits = isinstance(value, int) and HOLD_BACK <= value <= _MOST_HELD
    if value != "all" and not fits:
        raise expected(f"all, or {HOLD_BACK} to {_MOST_HELD} code points")
    return value


def check_place(code: str) -> str:
    """What was expected instead of this jurisdiction's code; empty when it is one."""
    if is_place(code):
        return ""
    close = "; did you mean 'GB'?" if code == "UK" else hint(code.upper(), tuple(places()))
    return f"an ISO 3166 code such as JP or US-CA, or EU{close}"


def _place_or_strictest(code: str) -> str:
    wrong = "" if code == STRICTEST else check_place(code)
    if wrong:
        raise expected(f"strictest, or {wrong}")
    return code


Name = Annotated[
    str,
    _named(r"[a-z0-9][a-z0-9._-]{0,63}", "a name of a-z, 0-9, '.', '_' and '-'"),
    Field(json_schema_extra={"pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"}),
]
RuleId = Annotated[Name, AfterValidator(_not_reserved)]
Code = Annotated[
    str,
    _named(r"[a-z][a-z0-9_]{0,63}", "a code of a-z, 0-9 and '_'"),
    Field(json_schema_extra={"pattern": "^[a-z][a-z0-9_]{0,63}$"}),
]
Label = Annotated[str, _named(r"\S{1,100}", "a label or a pattern of some, without spaces")]
Pattern = Annotated[str, AfterValidator(_operation)]
Yes = Annotated[Literal[True], BeforeValidator(_only_true, json_schema_input_type=Literal[True])]
HoldBack = Annotated[
    int | Literal["all"],
    BeforeValidator(
        _hold_back,
        json_schema_input_type=Annotated[int, Field(ge=HOLD_BACK, le=_MOST_HELD)] | Literal["all"],
    ),
]
ActionName = Literal["allow", "gate", "refuse"]
StageName = Literal["input", "output", "stream"]
PersonName = Literal["real", "any", "public", "private", "relational", "uploaded", "fictional"]
SeverityName = Literal[">=suggestive", ">=nudity", ">=explicit", "suggestive", "nudity", "explicit"]
Obligation = Literal["label", "review", "watermark"]

_SOME = Field(min_length=1)
Operations = Annotated[
    tuple[Pattern, ...],
    _SOME,
    BeforeValidator(_several, json_schema_input_type=Pattern | Annotated[list[Pattern], _SOME]),
]
Stages = Annotated[
    tuple[StageName, ...],
    _SOME,
    BeforeValidator(_several, json_schema_input_type=StageName | Annotated[list[StageName], _SOME]),
]
Persons = Annotated[
    tuple[PersonName, ...],
    _SOME,
    BeforeValidator(
        _several, json_schema_input_type=PersonName | Annotated[list[PersonName], _SOME]
    ),
]
Labels = Annotated[
    tuple[Label, ...],
    _SOME,
    BeforeValidator(_several, json_schema_input_type=Label | Annotated[list[Label], _SOME]),
]
Texts = Annotated[
    tuple[Text, ...],
    _SOME,
    BeforeValidator(_several, json_schema_input_type=Text | Annotated[list[Text], _SOME]),
]
Obligations = Annotated[
    tuple[Obligation, ...],
    _SOME,
    BeforeValidator(
        _several, json_schema_input_type=Obligation | Annotated[list[Obligation], _SOME]
    ),
]


class WhenModel(Model):
    """When a rule matches: every condition given must hold. An empty mapping always matches."""

    operation: Operations | None = None
    """Operations or patterns of some, such as `image.*`. Default: all."""
    stage: Stages | None = None
    """Where in the way of a request the rule counts. Default: everywhere."""
    person: Persons | None = None
    """One of these is spoken of. `real`: anybody but a fictional person, depicted. A kind: that
    kind, depicted. `any`: anybody, in any role."""
    sexual: SeverityName | None = None
    """This severity or more; `nudity` and `>=nudity` mean the same."""
    minor: Yes | None = None
    """Somebody under 18, or childlike."""
    edit_of_photo: Yes | None = None
    """An uploaded photo is edited."""
    undress: Yes | None = None
    """An edit takes clothes off."""
    obfuscated: Yes | None = None
    """The text was disguised."""
    protected: Yes | None = None
    """A depicted person has opted out."""
    label: Labels | None = None
    """Third-party labels, or patterns of some, one of which was found."""
    tier: Texts | None = None
    """The caller's tier is one of these. Not in a floor."""
    app: Texts | None = None
    """The caller's app is one of these. Not in a floor."""


class RequireModel(Model):
    """What a caller must meet; others are gated."""

    tier: Texts | None = None
    """One of these tiers."""
    age_verified: Yes | None = None
    """The caller's age was verified."""


class RuleModel(Model):
    """A rule. All matching rules count, and the strictest wins."""

    id: RuleId
    """Unique in the policy, base and overlays included."""
    when: WhenModel
    """When the rule matches."""
    floor: bool = False
    """Cannot be removed, weakened or paid for by any overlay, tier or caller."""
    require: RequireModel | None = None
    """Gate callers who do not meet this; those who do are allowed."""
    action: ActionName | None = None
    """`allow`, `refuse`, or `gate` (the default with `require`)."""
    reason: Code | None = None
    """Reason code of the decision. Default: the id with underscores (refuse), `allowed` (allow)."""
    law: Texts | None = None
    """Legal bases, such as `JP: Penal Code Art. 175`."""
    obligations: Obligations | None = None
    """What an allowed output owes."""
    on_error: ActionName | None = None
    """What an unscanned fact makes of this rule: `refuse`, `gate` (as if it matched), `allow`
    (as if it did not). Default: the policy's."""
    description: Text | None = None
    """For people."""


class LimitsModel(Model):
    """What is screened at most; a request over a limit is unscanned."""

    text_chars: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Code points over all parts of a request."""
    images: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Images a request."""
    image_bytes: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Bytes an image."""
    detector_ms: Annotated[int, Field(ge=1, le=600_000)] | None = None
    """Milliseconds a detector may take."""
    hold_back: HoldBack | None = None
    """Code points of a stream that stay unreleased behind the newest; `all`: the whole reply is
    screened before any of it is released. Default: 48."""


class PolicyModel(Model):
    """A Guardrail policy."""

    policy: Name
    """The policy's name."""
    version: Annotated[int, Field(ge=1, le=1_000_000_000)]
    """Raise it with every change."""
    extends: Text | None = None
    """A shipped policy's name, or a path relative to this file."""
    unknown_jurisdiction: Annotated[str, AfterValidator(_place_or_strictest)] | None = None
    """`strictest` (every overlay counts) or the code that an unknown jurisdiction counts as."""
    jurisdiction_confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """A jurisdiction less certain than this counts as unknown."""
    on_error: ActionName | None = None
    """What an unscanned fact makes of a rule that does not say. Default: `refuse`."""
    limits: LimitsModel | None = None
    """What is screened at most."""
    detectors: Annotated[list[Text], Field(min_length=1)] | None = None
    """The detectors to ask. Default: all that are installed."""
    second_stage: SecondStageModel | None = None
    """A second opinion on sexual content in doubt. Default: none."""
    rules: list[RuleModel] = Field(default=[])
    """Rules for everybody."""
    overlays: dict[str, list[RuleModel]] = Field(default={})
    """More rules, by jurisdiction: an ISO 3166 code, or EU."""


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a policy file, for editors."""
    schema = PolicyModel.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
