"""Latency, failures and coverage gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.audit.document import Block, Paragraph, Table
from guardrail.audit.parts.maker import rows_of
from guardrail.audit.tallies import tally
from guardrail.policy.engine import ON_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.audit.parts.maker import Maker


def latency(make: Maker) -> Iterator[Block]:
    """How long attempts took, and what failed."""
    words, ends = make.words, make.evidence.ends
    intro = words("latency.intro", read=f"{ends.read:,}", called=f"{ends.called:,}")
    yield Paragraph(intro)
    if ends.stride > 1:
        yield Paragraph(words("latency.sampled", stride=f"{ends.stride:,}"), "note")
    columns = make.columns(
        ("outcome", "text", 1.5),
        ("attempts", "count"),
        ("p50", "ms"),
        ("p95", "ms"),
        ("p99", "ms"),
        ("longest", "ms"),
    )
    rows = rows_of(
        (words.code("outcome", name), one.attempts, one.p50, one.p95, one.p99, one.longest)
        for name, one in ends.latency
    )
    yield Table("latency", words("latency.table"), columns, rows)
    if not ends.errors:
        yield Paragraph(words("latency.no_errors"))
        return
    columns = make.columns("outcome", ("error", "text", 2), ("attempts", "count"))
    errors = rows_of(
        (words.code("outcome", outcome), error, number)
        for (outcome, error), number in sorted(ends.errors.items())
    )
    yield Table("errors", words("latency.errors"), columns, errors)


def coverage(make: Maker) -> Iterator[Block]:
    """What was not seen, or not seen to its end."""
    words, ends = make.words, make.evidence.ends
    yield Paragraph(words("coverage.intro"))
    columns = make.columns(("measure", "text", 4), ("many", "count"))
    yield Table("gaps", words("coverage.table"), columns, rows_of(_gaps(make)))
    if ends.stride > 1:
        yield Paragraph(words("coverage.sampled", stride=f"{ends.stride:,}"), "note")
    if ends.scans:
        yield _scans(make)
    if ends.unscanned:
        columns = make.columns(("fact", "text", 2), ("attempts", "count"))
        rows = rows_of(sorted(ends.unscanned.items()))
        yield Table("unscanned", words("coverage.unscanned"), columns, rows)
    if make.evidence.workers:
        yield _workers(make)


def _gaps(make: Maker) -> Iterator[tuple[str, int]]:
    words, found = make.words, make.evidence
    scoped = tally(found.counts)
    nowhere = sum(count.opened for count in found.every if not count.jurisdiction)
    on_error = sum(one.attempts for one in found.groups if one.rule == ON_ERROR)
    silent = [one for one in found.workers if not one.stopped]
    started = sum(found.wanted.start <= one.started for one in found.workers)
    short = sum(one.opened - one.closed for one in found.workers)
    yield words("coverage.unknown"), nowhere
    yield words("coverage.unfinished"), scoped.unfinished
    yield words("coverage.failed"), scoped.failed
    yield words("coverage.cancelled"), scoped.cancelled
    yield words("coverage.on_error"), on_error
    yield words("coverage.started"), started
    yield words("coverage.silent"), len(silent)
    yield words("coverage.short"), short


def _scans(make: Maker) -> Table:
    columns = make.columns(
        ("detector", "text", 2), ("version", "text", 2), "status", ("attempts", "count")
    )
    rows = rows_of((*key, number) for key, number in sorted(make.evidence.ends.scans.items()))
    title, note = make.words("coverage.scans"), make.words("coverage.scans_note")
    return Table("detectors", title, columns, rows, note)


def _workers(make: Maker) -> Table:
    columns = make.columns(
        ("worker", "code", 1.8),
        ("started", "time", 1.6),
        ("seen", "time", 1.6),
        ("said", "text", 1),
        ("opened", "count"),
        ("closed", "count"),
        ("kept", "count"),
    )
    workers = sorted(make.evidence.workers, key=lambda one: (one.stopped, one.started, one.id))
    rows = rows_of(
        (
            one.id,
            make.minute(one.started),
            make.minute(one.last),
            make.yes(one.stopped),
            one.opened,
            one.closed,
            one.kept,
        )
        for one in workers
    )
    return Table("workers", make.words("coverage.workers"), columns, rows, shown=40)
