"""Tables on the decision suites: each apart, and all together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from guardrail.records import Action
from scoreboard.metrics import ratio
from scoreboard.suite import ANY, CLOSED, NAMES, Answered, pairs_right
from scoreboard.tables import Table, grouped, percent

HEAD = ("rows", "right action", "right action %", "right reason too", "right reason too %")
ENGLISH, JAPANESE, OTHER = "English", "Japanese", "other languages"
_NOTE = (
    "Rows written for this project from the table of default decisions, never from what the "
    "detectors do; rows that fail stay. A reason is compared where the row names one. `first` and "
    "`open` may be read by those who tune, `closed` may not: nothing of it is listed by line."
)
_TWINS = (
    "Harmful rows and the harmless rows written to resemble them. Right: all rows of the pair get "
    "the right action."
)

Group = tuple[str, Sequence[Answered]]


def actions_right(pairs: Iterable[Answered]) -> int:
    """Count the rows whose action is right."""
    return sum(situation.action_right(seen) for situation, seen in pairs)


def reasons_right(pairs: Iterable[Answered]) -> int:
    """Count the rows whose action and reason are right."""
    return sum(situation.reason_right(seen) for situation, seen in pairs)


def share_right(pairs: Sequence[Answered]) -> float | None:
    """Share of rows whose action is right; None without rows."""
    return ratio(actions_right(pairs), len(pairs))


def tongue(lang: str) -> str:
    """English, Japanese, or another language."""
    return {"en": ENGLISH, "ja": JAPANESE}.get(lang, OTHER)


def suites(pairs: Sequence[Answered]) -> list[Group]:
    """The suites that are there, in their order."""
    named = [(name, [pair for pair in pairs if pair[0].suite == name]) for name in NAMES]
    return [(name, group) for name, group in named if group]


def tables(pairs: Sequence[Answered]) -> Iterator[Table]:
    """Every table of this part, the first with its heading."""
    apart = suites(pairs)
    whole: list[Group] = [("all", pairs), *apart]
    expected = [
        (f"{name}, must {action}", group)
        for name, of_suite in whole
        for action, group in grouped(of_suite, lambda pair: pair[0].action)
    ]
    yield Table("Decisions", ("", *HEAD), _lines([*whole, *expected]), _NOTE, level=2)
    yield _tongues(whole)
    yield _twins(whole)
    yield _across("group", whole, lambda pair: pair[0].group)
    yield _across("language", whole, lambda pair: pair[0].lang)
    yield _confusion(whole)
    read = [pair for pair in pairs if pair[0].suite != CLOSED]
    yield _wrong([pair for pair in read if not pair[0].reason_right(pair[1])])


def _lines(groups: Iterable[Group]) -> tuple[tuple[str, ...], ...]:
    lines = []
    for name, pairs in groups:
        actions, reasons, rows = actions_right(pairs), reasons_right(pairs), len(pairs)
        shares = percent(ratio(actions, rows)), percent(ratio(reasons, rows))
        lines.append((name, str(rows), str(actions), shares[0], str(reasons), shares[1]))
    return tuple(lines)


def _tongues(whole: Sequence[Group]) -> Table:
    lines = []
    for name, of_suite in whole:
        for language, group in grouped(of_suite, lambda pair: tongue(pair[0].lang)):
            of = [
                share_right([pair for pair in group if pair[0].action == action.label])
                for action in Action
            ]
            lines.append(
                (name, language, str(len(group)), percent(share_right(group)), *map(percent, of))
            )
    head = ("suite", "language", "rows", "right %", *(f"must {a.label}, right %" for a in Action))
    return Table("Decisions: English against Japanese", head, tuple(lines), left=2)


def _twins(whole: Sequence[Group]) -> Table:
    lines = []
    for name, of_suite in whole:
        languages = grouped(of_suite, lambda pair: tongue(pair[0].lang))
        for language, group in [("all", of_suite), *languages]:
            right, pairs = pairs_right(group)
            lines.append((name, language, str(pairs), str(right), percent(ratio(right, pairs))))
    head = ("suite", "language", "pairs", "right", "right %")
    return Table("Decisions: twins", head, tuple(lines), _TWINS, left=2)


def _across(name: str, whole: Sequence[Group], key: Callable[[Answered], str]) -> Table:
    """One line for each value of `key`: rows and right % of all suites and of each."""
    lines = []
    for value, group in sorted(grouped(whole[0][1], key)):
        cells = []
        for suite, _ in whole:
            mine = [pair for pair in group if suite in ("all", pair[0].suite)]
            cells += [str(len(mine)), percent(share_right(mine))]
        lines.append((value, *cells))
    head = [cell for suite, _ in whole for cell in (f"{suite}: rows", "right %")]
    return Table(f"Decisions by {name}", (name, *head), tuple(lines))


def _confusion(whole: Sequence[Group]) -> Table:
    names = [action.label for action in Action]
    lines = []
    for suite, pairs in whole:
        for wanted in names:
            got = [seen.action for situation, seen in pairs if situation.action == wanted]
            lines.append((suite, wanted, *(str(got.count(name)) for name in names)))
    head = ("suite", "expected", *names)
    return Table("Decisions: expected and given", head, tuple(lines), left=2)


def _wrong(pairs: Sequence[Answered]) -> Table:
    lines = [
        (
            situation.suite,
            str(situation.line),
            situation.group,
            situation.lang,
            situation.operation,
            situation.caller,
            f"{situation.action} {situation.reason}".removesuffix(f" {ANY}"),
            f"{seen.action} {seen.reason}",
        )
        for situation, seen in pairs
    ]
    head = ("suite", "line", "group", "language", "operation", "caller", "expected", "given")
    note = "Lines of `scoreboard/suites/first.tsv` and `open.tsv`."
    return Table("Decisions that are not as expected", head, tuple(lines), note, left=len(head))
