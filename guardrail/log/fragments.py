"""Pieces of a body as canonical JSON text, written at once: quicker than a tree of dictionaries.

Names stand in the order of RFC 8785. What repeats from attempt to attempt is kept ready.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import islice
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from guardrail.records import (
        Action,
        Decision,
        Facts,
        Finding,
        Person,
        Requirement,
        Scan,
        Span,
        Stage,
    )

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

MAX_LIST = 100
MAX_PERSONS = 50
MAX_NUMBER = (1 << 53) - 1  # beyond it, readers of JSON may not keep a number exactly
_MAX_CODE = 64
_CODE = re.compile(r"[A-Za-z0-9_.:/+@-]{0,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BOOL = {True: "true", False: "false"}


class Text(str):
    """JSON that is canonical already."""

    __slots__ = ()


def canonical(value: Mapping[str, Json]) -> str:
    """RFC 8785 for what bodies are made of: ASCII names, text, safe integers, four decimals.

    Many times faster than for any JSON (`guardrail.chain.entry.canonical`), and the same bytes.
    """
    pairs = [mark + written(value[name]) for name, mark in _names(tuple(value))]
    return f"{{{','.join(pairs)}}}"


def plain(text: str, limit: int = 200) -> str:
    """`text` on one line, valid Unicode, at most `limit` characters."""
    if text.isascii() and text.isprintable():
        return text[:limit]
    whole = text[:limit].encode("utf-8", "replace").decode()
    return _CONTROL.sub(" ", whole)


def code(text: str) -> str:
    """`text` if it can only be an identifier: detectors and clients must not leak text here."""
    return text if _CODE.fullmatch(text) else "?"


def number(value: float) -> int | float | None:
    """Four decimals, whole numbers as integers, so that RFC 8785 writes it the same; else null."""
    if not math.isfinite(value) or abs(value) > MAX_NUMBER:
        return None
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def decision_text(decision: Decision) -> Text:
    """What was decided, without the findings behind it."""
    return _decided(
        _Decided(
            decision.action,
            decision.rule,
            decision.reason,
            decision.rules,
            decision.obligations,
            decision.law,
            decision.overlays,
            decision.requirement,
            decision.stage,
        )
    )


def facts_text(facts: Facts) -> Text:
    """What the findings amounted to."""
    sexual, minor = facts.sexual, facts.minor
    persons = ",".join(map(_person, facts.persons[:MAX_PERSONS]))
    return Text(
        f'{{"complete":{_codes(facts.complete)},"edit_of_photo":{_BOOL[facts.edit_of_photo]},'
        f'"intent":{_code(facts.intent)},"labels":{_codes(facts.labels)},'
        f'"minor":{{"present":{_BOOL[minor.present]},"score":{_number(minor.score)},'
        f'"span":{_span(minor.span)}}},"obfuscated":{_codes(facts.obfuscated)},'
        f'"persons":[{persons}],"persons_total":{len(facts.persons)},'
        f'"sexual":{{"score":{_number(sexual.score)},"severity":"{sexual.severity.label}",'
        f'"span":{_span(sexual.span)}}},"undress":{_BOOL[facts.undress]},'
        f'"unscanned":{_codes(facts.unscanned)}}}'
    )


def finding_text(finding: Finding) -> Text:
    """One finding, without text."""
    span, role = finding.span, finding.role
    end = part = start = said = ""
    if span is not None:
        end, part, start = f'"end":{span.end},', f'"part":{span.part},', f'"start":{span.start},'
    if role is not None:
        said = f'"role":"{role.value}",'
    return Text(
        f'{{"detector":{_code(finding.detector)},{end}"label":{_code(finding.label)},{part}{said}'
        f'"score":{_number(finding.score)},{start}"value":{_code(finding.value)},'
        f'"version":{_code(finding.version)}}}'
    )


def scan_text(scan: Scan) -> Text:
    """One detector's turn, without what it found."""
    return Text(
        f'{{"detector":{_code(scan.detector)},"ms":{_number(scan.ms)},'
        f'"problem":{_code(scan.problem)},"status":"{scan.status}","version":{_code(scan.version)}}}'
    )


@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, f"{encode_basestring(name)}:") for name in sorted(names)]


def written(value: Json) -> str:
    """RFC 8785 of any such value, as `canonical` writes it."""
    if isinstance(value, str):
        return value if type(value) is Text else encode_basestring(value)
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return canonical(value)
    if value is None:
        return "null"
    return _BOOL[value] if isinstance(value, bool) else repr(value)


class _Decided(NamedTuple):
    """A decision without its findings: few of them, again and again."""

    action: Action
    rule: str
    reason: str
    rules: tuple[str, ...]
    obligations: tuple[str, ...]
    law: tuple[str, ...]
    overlays: tuple[str, ...]
    need: Requirement | None
    stage: Stage


@lru_cache(maxsize=1024)
def _decided(said: _Decided) -> Text:
    need = said.need
    body: dict[str, Json] = {
        "action": said.action.label,
        "rule": plain(said.rule),
        "reason": plain(said.reason),
        "rules": _texts(said.rules),
        "obligations": _texts(said.obligations),
        "law": _texts(said.law),
        "overlays": _texts(said.overlays),
        "requirement": None
        if need is None
        else {"tier": _texts(need.tier), "age_verified": need.age_verified},
        "stage": said.stage.value,
    }
    return Text(canonical(body))


def _person(person: Person) -> str:
    return (
        f'{{"consented":{_BOOL[person.consented]},"kind":"{person.kind.value}",'
        f'"minor":{_BOOL[person.minor]},"protected":{_BOOL[person.protected]},'
        f'"role":"{person.role.value}","score":{_number(person.score)},'
        f'"span":{_span(person.span)}}}'
    )


def _span(span: Span | None) -> str:
    if span is None:
        return "null"
    return f'{{"end":{span.end},"part":{span.part},"start":{span.start}}}'


def _code(text: str) -> str:
    return _short_code(text) if len(text) <= _MAX_CODE else '"?"'


@lru_cache(maxsize=4096)
def _short_code(text: str) -> str:
    return f'"{code(text)}"'


def _codes(texts: Iterable[str]) -> str:
    return f"[{','.join(sorted({_code(text) for text in texts})[:MAX_LIST])}]" if texts else "[]"


def _texts(texts: Iterable[str]) -> list[Json]:
    return [*islice(map(plain, texts), MAX_LIST)]


def _number(value: float) -> str:
    if 0.0 <= value < 1.0:
        rounded = round(value, 4)
        return repr(rounded) if 0.0 < rounded < 1.0 else str(int(rounded))
    found = number(value)
    return "null" if found is None else repr(found)
