"""Answers, custody, evidence and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.audit.document import Block, Bullets, Heading, Pairs, Paragraph, Table
from guardrail.audit.formats import second
from guardrail.audit.parts.maker import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail.audit.parts.maker import Maker

LIMITS = ("submitted", "counts", "key", "truth", "detectors", "outside", "law")


def answers(make: Maker, numbers: Mapping[str, int]) -> Iterator[Block]:
    """Each question, its answer in words, and the parts that answer it."""
    words = make.words
    questions = make.evidence.inquiry.questions
    if not questions:
        yield Paragraph(words("answers.none"))
    for question in questions:
        yield Heading(question.id)
        yield Paragraph(question.text.text("ja" if words.language == "ja" else "en"), "quote")
        if question.id in make.answers:
            yield Paragraph(make.answers[question.id])
        parts = [
            words("report.section", number=numbers[name], title=words(f"{name}.title"))
            for name in question.sections
            if name in numbers
        ]
        if parts:
            yield Paragraph(words("answers.see", parts="; ".join(parts)))
        elif question.id not in make.answers:
            yield Paragraph(words("answers.nothing"))


def custody(make: Maker) -> Iterator[Block]:
    """What was done to the log itself."""
    words, found = make.words, make.evidence
    yield Paragraph(words("custody.intro"))
    if not found.custody:
        yield Paragraph(words("custody.none"))
        return
    columns = make.columns(
        ("event", "text", 2.5), ("entries", "count"), ("first", "time"), ("last", "time")
    )
    rows = rows_of(
        (words.code("event", event), number, make.minute(first), make.minute(last))
        for event, number, first, last in found.custody
    )
    yield Table("custody", words("custody.table"), columns, rows)


def evidence(make: Maker, *, whole: bool) -> Iterator[Block]:
    """What every figure rests on. whole: whether the log is in the pack."""
    words, pinned = make.words, make.evidence.pinned
    head, at = pinned.checkpoint, f"{second(pinned.at, make.offset)} {make.zone}"
    yield Paragraph(words("evidence.intro", size=f"{head.size:,}", at=at))
    yield Pairs(
        (
            (words("evidence.origin"), head.origin),
            (words("evidence.size"), str(head.size)),
            (words("evidence.root"), head.root.hex()),
            (words("evidence.signed"), at),
            (words("evidence.key"), str(make.evidence.key)),
        ),
        code=True,
    )
    yield Heading(words("evidence.files"))
    names = ["report", "data", "proofs", *(["log"] if whole else []), "key", "manifest"]
    size = f"{head.size:,}"
    yield Bullets(tuple(words(f"evidence.file_{name}", size=size) for name in names))
    if not whole:
        yield Paragraph(words("evidence.no_log"))


def limits(make: Maker) -> Iterator[Block]:
    """What all this does not prove."""
    yield Bullets(tuple(make.words(f"limits.{name}") for name in LIMITS))
