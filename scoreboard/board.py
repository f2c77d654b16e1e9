"""The whole scoreboard: screen everything once, then make every table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from guardrail.records import Severity
from scoreboard import benign, decisions, person, sexual
from scoreboard.data import PARTS, Part, Row, asks_of, part_of, read_rows
from scoreboard.decisions import Answered, Situation, read_situations
from scoreboard.metrics import ratio
from scoreboard.screened import Ask, Seen, screen
from scoreboard.tables import Table, as_markdown, grouped, percent, share

HEADER = """\
# Scoreboard

Made by `python -m scoreboard --write docs/scoreboard.md`; do not edit. Every figure comes from
`guardrail screen --facts all` with the default policy, over development data and over a suite of
decisions of this project's own ([scoreboard/decisions.tsv](../scoreboard/decisions.tsv)).

The data was collected from public repositories, is labelled by those who published it, and is not
part of this project. It is **development data**: lexicons and rules were measured against it while
they were written, so figures on unseen data will be lower. Rows are in no table, only counts of
them.
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be screened."""

    rows: dict[str, list[Row]]
    situations: list[Situation]

    def asks(self) -> list[Ask]:
        """Every request, in the order `Board` takes the answers."""
        of_rows = [ask for part in PARTS for row in self.rows[part] for ask in asks_of(row)]
        return of_rows + [situation.ask() for situation in self.situations]


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that was screened."""

    parts: dict[str, Part]
    decided: tuple[Answered, ...]

    def tables(self) -> list[Table]:
        """Every table, the headline first."""
        return [
            self._headline(),
            *sexual.tables(self.parts["sexual"]),
            *person.tables(self.parts["person"], self.parts["benign"]),
            *benign.tables(self.parts["benign"]),
            *decisions.tables(self.decided),
            self._screened_by(),
            self._data(),
        ]

    def _headline(self) -> Table:
        lines = (*self._of_sexual(), *self._of_person(), *self._of_benign(), *self._of_decisions())
        return Table("Headline", ("", "figure", "rows"), lines, level=2)

    def _of_sexual(self) -> list[tuple[str, str, str]]:
        rows = self.parts["sexual"].chat
        gold = [case for case in rows if case.label("label_quality") == "gold"]
        edge = sexual.borderline(rows)
        suggestive = sexual.at_least(edge, Severity.SUGGESTIVE)
        counts, many = sexual.counts(rows), str(len(rows))
        return [
            ("sexual content: AUPRC", share(sexual.ranking(rows)), many),
            ("sexual content: AUPRC, gold labels", share(sexual.ranking(gold)), str(len(gold))),
            ("sexual content: F1", share(counts.f1), many),
            ("sexual content: precision", share(counts.precision), many),
            ("sexual content: recall", share(counts.recall), many),
            ("sexual content: false stops, %", percent(counts.false_rate), many),
            ("sexual content: calibration error", share(sexual.calibration(rows)), many),
            ("sexual content: borderline at suggestive, recall", share(suggestive), str(len(edge))),
        ]

    def _of_person(self) -> list[tuple[str, str, str]]:
        part = self.parts["person"]
        lines = [
            (f"personal names: F1, {name}", share(person.counts(group).f1), str(len(group)))
            for name, group in person.groups(part)
        ]
        given, _, right = person.creators(part.chat)
        lines.append(("artists: role creator, accuracy", share(ratio(right, given)), str(given)))
        rows = person.fictional(part.chat)
        spared = ratio(len(rows) - sum(map(person.called_real, rows)), len(rows))
        lines.append(("fictional characters not called real", share(spared), str(len(rows))))
        return lines

    def _of_benign(self) -> list[tuple[str, str, str]]:
        return [
            (f"ordinary prompts stopped: {name}, %", percent(benign.stopped(rows)), str(len(rows)))
            for name, rows in benign.groups(self.parts["benign"])
        ]

    def _of_decisions(self) -> list[tuple[str, str, str]]:
        return [
            (f"decisions right: {name}, %", percent(ratio(right, len(group))), str(len(group)))
            for name, group in [
                ("all", list(self.decided)),
                *grouped(self.decided, lambda pair: f"must {pair[0].action}"),
            ]
            for right in [decisions.actions_right(group)]
        ]

    def _screened_by(self) -> Table:
        seen = [case.seen for case in self.parts["sexual"].chat[:1]] or [self.decided[0][1]]
        lines = [("policy", seen[0].policy), *(("detector", name) for name in seen[0].detectors)]
        return Table("Screened by", ("", "version"), tuple(lines), level=2, left=2)

    def _data(self) -> Table:
        cases = [case for name in PARTS for case in self.parts[name].chat]
        lines = [
            (part, source, licence, str(len(group)))
            for part, of_part in grouped(cases, lambda case: case.row.part)
            for source, of_source in grouped(of_part, lambda case: case.label("source"))
            for licence, group in grouped(of_source, lambda case: case.label("licence"))
        ]
        note = "Development rows by where they were published."
        return Table("Data", ("part", "source", "licence", "rows"), tuple(lines), note, 2, left=3)


def prepare(folder: Path, every: int = 1) -> Work:
    """Read the data, each `every`th row of it, and the suite; ConfigurationError without data."""
    rows = {part: read_rows(folder, part)[::every] for part in PARTS}
    return Work(rows, read_situations())


def make_board(work: Work, workers: int, tick: Callable[[], None]) -> Board:
    """Screen everything; `tick` is called once for each of `work.asks()`."""
    answers = iter(screen(work.asks(), workers, tick))
    parts = {part: part_of(work.rows[part], answers) for part in PARTS}
    decided: list[tuple[Situation, Seen]] = list(zip(work.situations, answers, strict=True))
    return Board(parts, tuple(decided))


def as_page(tables: Sequence[Table]) -> str:
    """The page docs/scoreboard.md: the same tables always make the same page."""
    return f"{HEADER}\n{as_markdown(tables)}"
