"""Counts of requests, and of the rules and reasons that decided them."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from guardrail.audit.charts import COLOURS, Series, bars
from guardrail.audit.document import Block, Chart, Paragraph, Table
from guardrail.audit.formats import day
from guardrail.audit.history import short
from guardrail.audit.parts.maker import rows_of
from guardrail.audit.tallies import by, of_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.audit.parts.maker import Maker


def volumes(make: Maker) -> Iterator[Block]:
    """Every request in scope, by day, tier, jurisdiction, operation and policy."""
    words, found = make.words, make.evidence
    yield Paragraph(words("volumes.note"))
    by_day = by(found.counts, found.groups, lambda one: one.day)
    days = {day(number): one for number, one in by_day.items()}
    yield make.tally_table("by_day", words("volumes.day"), days)
    for name in ("tier", "jurisdiction", "operation", "policy"):
        rows = by(found.counts, found.groups, attrgetter(name))
        if name == "policy":
            rows = {short(ref): one for ref, one in rows.items()}
        yield make.tally_table(f"by_{name}", words(f"volumes.{name}"), rows)


def rules(make: Maker) -> Iterator[Block]:
    """What decided the attempts that are kept in full."""
    words, found = make.words, make.evidence
    if not found.matching:
        yield Paragraph(words("rules.none"))
        return
    yield Paragraph(words("rules.intro"))
    stopped = [group for group in found.matching if group.action != "allow"]
    top = of_groups(stopped, lambda one: one.rule)[:12]
    if top:
        series = [
            Series(words(f"column.{name}"), COLOURS[name], tuple(many[name] for _, many in top))
            for name in ("refused", "gated")
        ]
        svg = bars([rule for rule, _ in top], series)
        total = sum(group.attempts for group in stopped)
        alt = words("rules.chart_alt", total=f"{total:,}")
        yield Chart("stopped_by_rule", words("rules.chart"), svg, alt)
    yield _grouped(make, "by_rule", ("rule", "reason"), words("rules.rule"))
    yield _grouped(make, "by_stage", ("stage", "action"), words("rules.stage"))


def _grouped(make: Maker, name: str, keys: tuple[str, str], title: str) -> Table:
    outcomes = ("refused", "gated", "released", "failed", "cancelled", "open")
    columns = [make.column(key, "text", 1.8) for key in keys]
    columns += [make.column("attempts", "count")]
    columns += [make.column("unfinished" if o == "open" else o, "count") for o in outcomes]
    found = of_groups(make.evidence.matching, lambda one: tuple(getattr(one, key) for key in keys))
    rows = rows_of(
        (key[0], make.words.code(keys[1], key[1]), many.total(), *(many[o] for o in outcomes))
        for key, many in found
    )
    return Table(name, title, tuple(columns), rows)
