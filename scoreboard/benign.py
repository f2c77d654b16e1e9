"""Tables on ordinary prompts that are stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scoreboard.data import CHAT, IMAGE, Case, Part, by
from scoreboard.metrics import ratio
from scoreboard.tables import Table, grouped, percent

HEAD = ("rows", "gated", "refused", "stopped", "stopped %")
_REAL = "_real"
_NOTE = (
    "Rows that should pass, from a caller of whom nothing is known. Asked as image.generate: those "
    "slices that are image prompts or captions. The real image prompts were filtered by script and "
    "may hold a few that should not pass."
)


def is_real_prompt(case: Case) -> bool:
    """Whether the row was sent to an image model by somebody, not written or picked as benign."""
    return case.label("slice").endswith(_REAL)


def stopped(cases: Sequence[Case]) -> float | None:
    """Share that is gated or refused."""
    return ratio(sum(case.seen.stopped for case in cases), len(cases))


Group = tuple[str, Sequence[Case]]


def groups(part: Part) -> list[Group]:
    """Curated rows and real prompts, each as what it was asked."""
    return [
        (f"{kind}, asked as {asked}", [case for case in cases if is_real_prompt(case) == real])
        for kind, real in (("curated", False), ("real image prompts", True))
        for asked, cases in ((CHAT, part.chat), (IMAGE, part.image))
    ]


def tables(part: Part) -> Iterator[Table]:
    """Every table of this part, the first with its heading."""
    yield Table("Ordinary prompts", ("", *HEAD), _lines(groups(part)), _NOTE, level=2)
    for asked, cases in ((CHAT, part.chat), (IMAGE, part.image)):
        for name, key in (("slice", "slice"), ("language", "lang")):
            lines = _lines(grouped(cases, by(key)))
            yield Table(f"Ordinary prompts by {name}, asked as {asked}", (name, *HEAD), lines)
    yield _reasons(part)


def _lines(groups: Sequence[Group]) -> tuple[tuple[str, ...], ...]:
    return tuple((name, *_figures(cases)) for name, cases in groups)


def _figures(cases: Sequence[Case]) -> tuple[str, ...]:
    gated = sum(case.seen.action == "gate" for case in cases)
    refused = sum(case.seen.action == "refuse" for case in cases)
    return (*map(str, (len(cases), gated, refused, gated + refused)), percent(stopped(cases)))


def _reasons(part: Part) -> Table:
    halted = [case for case in (*part.chat, *part.image) if case.seen.stopped]
    lines = [
        (asked, reason, str(len(group)))
        for asked, cases in grouped(halted, lambda case: case.asked)
        for reason, group in grouped(cases, lambda case: case.seen.reason)
    ]
    head = ("asked as", "reason", "rows")
    return Table("Ordinary prompts: reasons given", head, tuple(lines), left=2)
