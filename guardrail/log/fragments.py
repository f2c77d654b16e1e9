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
BOOL = {True: "true", False: "false"}


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


def quoted(text: str) -> str:
    """`plain` text as JSON."""
    return encode_basestring(plain(text))


def said(text: str, limit: int = 200) -> str:
    """As `quoted`, for what comes again and again."""
    return _short(text, limit) if len(text) <= limit else encode_basestring(plain(text, limit))


@lru_cache(maxsize=4096)
def _short(text: str, limit: int) -> str:
    return encode_basestring(plain(text, limit))


def code(text: str) -> str:
    """`text` if it can only be an identifier: detectors and clients must not leak text here."""
    return text if _CODE.fullmatch(text) else "?"


def number(value: float) -> int | float | None:
    """Four decimals, whole numbers as integers, so that RFC 8785 writes it the same; else null."""
    if not math.isfinite(value) or abs(value) > MAX_NUMBER:
        return None
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def decision_text(decision: Decision) -> str:
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


def facts_text(facts: Facts) -> str:
    """What the findings amounted to."""
    sexual, minor = facts.sexual, facts.minor
    persons = ",".join(map(_person, facts.persons[:MAX_PERSONS]))
    return (
        f'{{"complete":{_codes(facts.complete)},"edit_of_photo":{BOOL[facts.edit_of_photo]},'
        f'"intent":{code_text(facts.intent)},"labels":{_codes(facts.labels)},'
        f'"minor":{{"present":{BOOL[minor.present]},"score":{number_text(minor.score)},'
        f'"span":{_span(minor.span)}}},"obfuscated":{_codes(facts.obfuscated)},'
        f'"persons":[{persons}],"persons_total":{len(facts.persons)},'
        f'"sexual":{{"score":{number_text(sexual.score)},"severity":"{sexual.severity.label}",'
        f'"span":{_span(sexual.span)}}},"undress":{BOOL[facts.undress]},'
        f'"unscanned":{_codes(facts.unscanned)}}}'
    )


def finding_text(finding: Finding) -> str:
    """One finding, without text."""
    span, role = finding.span, finding.role
    end = part = start = acts = ""
    if span is not None:
        end, part, start = f'"end":{span.end},', f'"part":{span.part},', f'"start":{span.start},'
    if role is not None:
        acts = f'"role":"{role.value}",'
    return (
        f'{{"detector":{code_text(finding.detector)},{end}"label":{code_text(finding.label)},{part}{acts}'
        f'"score":{number_text(finding.score)},{start}"value":{code_text(finding.value)},'
        f'"version":{code_text(finding.version)}}}'
    )


def scan_text(scan: Scan) -> str:
    """One detector's turn, without what it found."""
    before, after = _scanned(scan.detector, scan.problem, scan.status, scan.version)
    return f"{before}{number_text(scan.ms)}{after}"


@lru_cache(maxsize=4096)
def _scanned(detector: str, problem: str, status: str, version: str) -> tuple[str, str]:
    return (
        f'{{"detector":{code_text(detector)},"ms":',
        f',"problem":{code_text(problem)},"status":"{status}","version":{code_text(version)}}}',
    )


@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, f"{encode_basestring(name)}:") for name in sorted(names)]


def written(value: Json) -> str:
    """RFC 8785 of any such value, as `canonical` writes it."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return canonical(value)
    if value is None:
        return "null"
    return BOOL[value] if isinstance(value, bool) else repr(value)


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
def _decided(said: _Decided) -> str:
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
    return canonical(body)


def _person(person: Person) -> str:
    return (
        f'{{"consented":{BOOL[person.consented]},"kind":"{person.kind.value}",'
        f'"minor":{BOOL[person.minor]},"protected":{BOOL[person.protected]},'
        f'"role":"{person.role.value}","score":{number_text(person.score)},'
        f'"span":{_span(person.span)}}}'
    )


def _span(span: Span | None) -> str:
    if span is None:
        return "null"
    return f'{{"end":{span.end},"part":{span.part},"start":{span.start}}}'


def code_text(text: str) -> str:
    """`code` as JSON."""
    return _short_code(text) if len(text) <= _MAX_CODE else '"?"'


@lru_cache(maxsize=4096)
def _short_code(text: str) -> str:
    return f'"{code(text)}"'


@lru_cache(maxsize=1024)
def _codes(texts: frozenset[str]) -> str:
    return f"[{','.join(sorted({code_text(text) for text in texts})[:MAX_LIST])}]"


def _texts(texts: Iterable[str]) -> list[Json]:
    return [*islice(map(plain, texts), MAX_LIST)]


def number_text(value: float) -> str:
    """`number` as JSON."""
    if 0.0 <= value < 1.0:
        rounded = round(value, 4)
        return repr(rounded) if 0.0 < rounded < 1.0 else str(int(rounded))
    found = number(value)
    return "null" if found is None else repr(found)
