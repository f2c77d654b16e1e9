"""Summary, answers, controls and changes of policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.audit.charts import stacked
from guardrail.audit.document import (
    Block,
    Bullets,
    Chart,
    Heading,
    Paragraph,
    Table,
)
from guardrail.audit.formats import day, shown
from guardrail.audit.parts.maker import OUTCOMES, rows_of
from guardrail.audit.tallies import by, tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from guardrail.audit.history import Version
    from guardrail.audit.parts.maker import Maker
    from guardrail.audit.tallies import Change, Tally

_MEASURES = ("opened", *OUTCOMES, "kept")
_STOPPED = ("refused", "gated")


def summary(make: Maker) -> Iterator[Block]:
    """The denominators: all requests, and how they ended."""
    words, found = make.words, make.evidence
    every, scoped = tally(found.every), tally(found.counts, found.groups)
    repeat = sum(users for times, users in found.repeats if times > 1)
    yield Paragraph(
        words(
            "summary.intro",
            every=f"{every.opened:,}",
            scoped=f"{scoped.opened:,}",
            stopped=f"{scoped.refused + scoped.gated:,}",
            share=shown(scoped.stopped, "share"),
        )
    )
    kept = {"kept": f"{scoped.kept:,}", "users": f"{found.users:,}", "repeat": f"{repeat:,}"}
    yield Paragraph(words("summary.accounts", **kept))
    columns = make.columns(("measure", "text", 2), ("everywhere", "count"), ("scoped", "count"))
    rows = rows_of(
        (
            words(f"column.{name}"),
            None if name == "kept" else getattr(every, name),
            getattr(scoped, name),
        )
        for name in _MEASURES
    )
    yield Table("denominators", words("summary.table"), columns, rows, words("summary.note"))
    by_day = by(found.counts, (), lambda one: one.day)
    svg = stacked(make.day_labels(), make.series(by_day, OUTCOMES))
    numbers = {"total": f"{scoped.opened:,}", "stopped": f"{scoped.refused + scoped.gated:,}"}
    alt = words("summary.chart_alt", **numbers)
    yield Chart("requests_by_day", words("summary.chart"), svg, alt)


def controls(make: Maker) -> Iterator[Block]:
    """Every rule, since when it is in force, and the law it names."""
    words, found = make.words, make.evidence
    if found.controls:
        yield Paragraph(words("controls.intro"))
        yield _stated(make)
    else:
        yield Paragraph(words("controls.inferred"))
        yield _inferred(make)
    yield Paragraph(words("controls.law_note"), "note")
    background = found.template.model.background
    if background is not None:
        yield Heading(words("controls.background"))
        yield Paragraph(background.text("ja" if words.language == "ja" else "en"))


def _stated(make: Maker) -> Table:
    columns = make.columns(
        ("rule", "text", 1.6),
        ("action", "text", 1.0),
        ("law", "text", 2.4),
        ("floor", "text", 0.8),
        ("overlay", "text", 0.7),
        ("since", "time", 1.2),
        ("until", "time", 1.2),
        ("policy", "text", 1.2),
    )
    rows = rows_of(
        (
            one.rule,
            make.words.code("action", one.action),
            "; ".join(one.law),
            make.yes(one.floor),
            one.overlay,
            make.minute(one.since),
            make.words("yes.in_force") if one.until is None else make.minute(one.until),
            one.policy,
        )
        for one in make.evidence.controls
    )
    return Table("controls", make.words("controls.table"), columns, rows)


def _inferred(make: Maker) -> Table:
    days: dict[tuple[str, str, str], list[int]] = {}
    for group in make.evidence.groups:
        if group.rule:
            days.setdefault((group.rule, group.reason, group.action), []).append(group.day)
    columns = make.columns("rule", "reason", "action", ("first", "time"), ("last", "time"))
    rows = rows_of(
        (rule, reason, make.words.code("action", action), day(min(found)), day(max(found)))
        for (rule, reason, action), found in sorted(days.items())
    )
    return Table("controls", make.words("controls.table"), columns, rows)


def changes(make: Maker) -> Iterator[Block]:
    """The policies in force, and what each change of them did."""
    words, found = make.words, make.evidence
    if not all(version.seq for version in found.history):
        yield Paragraph(words("changes.inferred"), "note")
    columns = make.columns(("policy", "text", 3), ("since", "time"), ("until", "time"))
    rows = rows_of(
        (
            version.ref,
            make.minute(version.since),
            words("yes.in_force") if version.until is None else make.minute(version.until),
        )
        for version in found.history
    )
    yield Table("policies", words("changes.history"), columns, rows)
    if not found.changes:
        yield Paragraph(words("changes.none"))
        return
    yield _chart(make)
    for number, change in enumerate(found.changes, 1):
        yield from _change(make, change, number)
    yield Paragraph(words("changes.note"), "note")


def _chart(make: Maker) -> Chart:
    found = make.evidence
    by_day = by(found.counts, (), lambda one: one.day)
    first = found.days[0]
    marks = [
        ((change.after.since + make.offset * 3_600_000_000_000) // 86_400_000_000_000 - first, name)
        for change in found.changes
        for name in [change.after.short]
    ]
    svg = stacked(make.day_labels(), make.series(by_day, _STOPPED), marks)
    total = tally(found.counts)
    alt = make.words(
        "changes.chart_alt",
        refused=f"{total.refused:,}",
        gated=f"{total.gated:,}",
        changes=len(found.changes),
    )
    return Chart("stopped_by_day", make.words("changes.chart"), svg, alt)


def _change(make: Maker, change: Change, number: int) -> Iterator[Block]:
    words = make.words
    at = make.minute(change.after.since)
    yield Heading(words("changes.one", before=change.before.short, after=change.after.short, at=at))
    yield from _difference(make, change.before, change.after)
    columns = make.columns(
        ("measure", "text", 2), "before", "after", "per_day_before", "per_day_after"
    )
    counted = tuple(
        make.column(column.name, "text" if column.name == "measure" else "count", column.weight)
        for column in columns
    )
    title = words("changes.table", at=at, days=change.days)
    yield Table(f"change_{number}", title, counted, rows_of(_sides(make, change)))
    rules = sorted({*change.rules_old, *change.rules_new})
    if rules:
        rows = rows_of((rule, change.rules_old[rule], change.rules_new[rule]) for rule in rules)
        columns = make.columns(("rule", "text", 2), ("before", "count"), ("after", "count"))
        yield Table(f"change_{number}_rules", words("changes.rule_table", at=at), columns, rows)


def _sides(make: Maker, change: Change) -> Iterator[tuple[str | float | int | None, ...]]:
    old, new, days = change.old, change.new, change.days
    for name in _MEASURES:
        before, after = getattr(old, name), getattr(new, name)
        yield make.words(f"column.{name}"), before, after, before / days, after / days
    yield make.words("column.stopped"), *map(_percent, (old, new)), None, None


def _percent(one: Tally) -> str:
    return shown(one.stopped, "share")


def _difference(make: Maker, before: Version, after: Version) -> Iterator[Block]:
    old, new = (_ids(version.rules) for version in (before, after))
    items = [
        make.words(f"changes.{what}", rules=", ".join(sorted(rules)))
        for what, rules in (("added", new - old), ("removed", old - new))
        if rules and before.rules
    ]
    if items:
        yield Bullets(tuple(items))


def _ids(rules: Sequence[Mapping[str, object]]) -> set[str]:
    return {str(rule.get("id")) for rule in rules}
