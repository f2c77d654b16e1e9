"""Puts a report together in one language: letter, facts, numbered sections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail.audit import letters
from guardrail.audit.document import Block, Chart, Document, Section, Table
from guardrail.audit.formats import minute, zone
from guardrail.audit.inquiry import at_of
from guardrail.audit.parts import closing, counts, overview, quality, single
from guardrail.audit.parts.maker import Maker
from guardrail.audit.parts.statements import dsa
from guardrail.audit.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from guardrail.audit.gather import Evidence
    from guardrail.audit.localized import Language
    from guardrail.audit.records import Sampled
    from guardrail.audit.sections import SectionName

_PARTS: dict[SectionName, Callable[[Maker], Iterator[Block]]] = {
    "summary": overview.summary,
    "controls": overview.controls,
    "changes": overview.changes,
    "volumes": counts.volumes,
    "rules": counts.rules,
    "latency": quality.latency,
    "coverage": quality.coverage,
    "repeat": single.repeat,
    "samples": single.samples,
    "custody": closing.custody,
    "limits": closing.limits,
}


def report(
    evidence: Evidence, language: Language, *, whole: bool, stated: tuple[int, list[Sampled]]
) -> Document:
    """The report. whole: whether the log is in the pack; stated: statements of reasons.

    Raises ConfigurationError where a letter or an answer of the operator's cannot be rendered.
    """
    words = Words(language)
    values = letters.figures(evidence, language)
    make = Maker(evidence, words, _answers(evidence, language, values))
    names = evidence.template.model.sections
    numbers: dict[str, int] = {name: number for number, name in enumerate(names, 1)}
    made: list[Section] = []
    for number, name in enumerate(names, 1):
        if name == "answers":
            found = closing.answers(make, numbers)
        elif name == "evidence":
            found = closing.evidence(make, whole=whole)
        elif name == "dsa":
            found = dsa(make, *stated)
        else:
            found = _PARTS[name](make)
        title = words(f"{name}.title")
        made.append(Section(name, number, title, _numbered(found, number, words)))
    source = evidence.template.letter(language)
    where = f"{evidence.template.path.stem}.{language}.j2"
    return Document(
        language,
        evidence.inquiry.contact.organisation,
        words("report.title"),
        evidence.template.model.name.text(language),
        tuple(_facts(evidence, words, language)),
        letters.blocks(letters.render(source, values, where)),
        tuple(made),
        _footer(evidence, words),
        evidence.pinned.at,
    )


def _numbered(found: Iterable[Block], section: int, words: Words) -> tuple[Block, ...]:
    """Tables and figures with their numbers before their titles."""
    blocks: list[Block] = []
    counted = {Table: 0, Chart: 0}
    for block in found:
        if isinstance(block, Table | Chart):
            counted[type(block)] += 1
            kind = words("report.table" if isinstance(block, Table) else "report.figure")
            label = f"{kind} {section}-{counted[type(block)]}"
            blocks.append(replace(block, title=f"{label}  {block.title}"))
        else:
            blocks.append(block)
    return tuple(blocks)


def _answers(evidence: Evidence, language: Language, values: Mapping[str, str]) -> dict[str, str]:
    return {
        question.id: letters.render(
            question.answer.text(language), values, f"the answer to question {question.id}"
        ).strip()
        for question in evidence.inquiry.questions
        if question.answer is not None
    }


def _facts(evidence: Evidence, words: Words, language: Language) -> Iterator[tuple[str, str]]:
    inquiry, pinned = evidence.inquiry, evidence.pinned
    scope, contact, offset = inquiry.scope, inquiry.contact, inquiry.scope.utc_offset
    clock, none = zone(offset), words("report.none")
    yield words("report.authority"), inquiry.authority.text(language)
    yield words("report.reference"), inquiry.reference or none
    yield words("report.received"), f"{minute(at_of(inquiry.received, offset), offset)} {clock}"
    yield words("report.due"), f"{minute(at_of(inquiry.due, offset), offset)} {clock}"
    yield words("report.organisation"), contact.organisation or none
    yield words("report.contact"), ", ".join(filter(None, (contact.name, contact.email))) or none
    period = {"since": minute(scope.start, offset), "until": minute(scope.end, offset)}
    yield words("report.period"), words("report.period_value", **period, zone=clock)
    limits = [
        words(f"scope.{name}", values=", ".join(values))
        for name, values in (
            ("jurisdictions", scope.jurisdictions),
            ("operations", scope.operations),
            ("reasons", scope.reasons),
        )
        if values
    ]
    yield words("report.scope"), "; ".join(limits) or words("report.everything")
    size, at = f"{pinned.checkpoint.size:,}", f"{minute(pinned.at, offset)} {clock}"
    yield words("report.state"), words("report.state_value", size=size, at=at)


def _footer(evidence: Evidence, words: Words) -> str:
    head = evidence.pinned.checkpoint
    reference = evidence.inquiry.reference or evidence.template.path.stem
    root = head.root.hex()[:16]
    return words("report.footer", reference=reference, size=f"{head.size:,}", root=root)
