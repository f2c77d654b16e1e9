"""Single attempts and single callers: repeat offenders, samples, statements of reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.audit.document import Block, Bullets, Heading, Paragraph, Table
from guardrail.audit.formats import second
from guardrail.audit.gather import pseudonym
from guardrail.audit.parts.maker import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail.audit.gather import Sample
    from guardrail.audit.parts.maker import Maker


def repeat(make: Maker) -> Iterator[Block]:
    """Callers who were stopped more than once, under names of this report alone."""
    words, found = make.words, make.evidence
    yield Paragraph(words("repeat.intro"))
    columns = make.columns(("times", "count"), ("users", "count"))
    yield Table("repeats", words("repeat.table"), columns, rows_of(found.repeats), shown=30)
    if not found.offenders:
        yield Paragraph(words("repeat.none"))
        return
    columns = make.columns(
        ("user", "code", 1.4),
        ("attempts", "count"),
        ("refused", "count"),
        ("gated", "count"),
        ("first", "time", 1.6),
        ("last", "time", 1.6),
    )
    rows = rows_of(
        (
            pseudonym(found.pinned.secret, one.user),
            one.attempts,
            one.refused,
            one.gated,
            make.minute(one.first),
            make.minute(one.last),
        )
        for one in found.offenders
    )
    yield Table("offenders", words("repeat.top"), columns, rows)


def samples(make: Maker) -> Iterator[Block]:
    """Attempts one by one, redacted unless they were decrypted for a reason."""
    words, found = make.words, make.evidence
    yield Paragraph(words("samples.intro", shown=len(found.samples)))
    yield Paragraph(words("samples.decrypted" if found.decrypted else "samples.redacted"), "note")
    columns = make.columns(
        ("number", "count", 0.8),
        ("at", "time", 1.5),
        ("request", "text", 1.7),
        ("decision", "text", 2.2),
        ("found", "text", 2.2),
        ("user", "code", 1.3),
        ("text", "text", 1.6),
        ("entry", "count", 1.3),
    )
    rows = rows_of(_row(make, one, number) for number, one in enumerate(found.samples, 1))
    yield Table("samples", words("samples.table"), columns, rows, shown=len(rows))
    if found.decrypted:
        yield Heading(words("samples.excerpts"))
        told = [
            words("samples.excerpt", number=number, text=one.excerpt)
            for number, one in enumerate(found.samples, 1)
            if one.excerpt is not None
        ]
        yield Bullets(tuple(told)) if told else Paragraph(words("samples.no_excerpt"))


def _row(make: Maker, sample: Sample, number: int) -> tuple[Any, ...]:
    attempt, words = sample.attempt, make.words
    asked, said = attempt.opened, attempt.said
    decision = said.get("decision", {})
    place = asked.get("jurisdiction", {}).get("code", "")
    request = [asked.get("operation", ""), asked.get("tier", ""), place]
    decided = [
        words.code("action", decision.get("action", "")),
        decision.get("rule", ""),
        decision.get("reason", ""),
        said.get("stage") or decision.get("stage", ""),
    ]
    return (
        number,
        second(attempt.at, make.offset),
        ", ".join(filter(None, request)),
        ", ".join(filter(None, dict.fromkeys(decided))),
        "; ".join(_seen(make, said.get("facts", {}))),
        sample.pseudonym,
        words("samples.length", length=asked.get("parts", {}).get("characters", 0)),
        attempt.place.last,
    )


def _seen(make: Maker, facts: Mapping[str, Any]) -> Iterator[str]:
    words = make.words
    severity = facts.get("sexual", {}).get("severity", "none")
    if severity != "none":
        yield words("samples.sexual", value=severity)
    for kind in dict.fromkeys(
        f"{person.get('kind')}, {person.get('role')}" for person in facts.get("persons", ())
    ):
        yield words("samples.person", values=kind)
    if facts.get("minor", {}).get("present"):
        yield words("samples.minor")
    if facts.get("undress"):
        yield words("samples.undress")
    elif facts.get("edit_of_photo"):
        yield words("samples.edit")
    if facts.get("obfuscated"):
        yield words("samples.obfuscated")
    if facts.get("unscanned"):
        yield words("samples.unscanned", values=", ".join(facts["unscanned"]))
