"""The whole scoreboard: screen everything once, then make every table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scoreboard import benign, decisions, disguised, headline, person, sexual, sources
from scoreboard.data import PARTS, Part, Row, asks_of, part_of, read_rows
from scoreboard.disguise.variants import Disguised, disguises
from scoreboard.disguised import Tried
from scoreboard.headline import Figure
from scoreboard.screened import Ask, Seen, screen
from scoreboard.suite import Answered, Situation, read_suites
from scoreboard.tables import Table, as_markdown, grouped

DECISIONS, DISGUISE = "decisions", "disguise"
EVERY = (*PARTS, DECISIONS, DISGUISE)
HEADER = """\
# Scoreboard

Made by `python -m scoreboard --write docs/scoreboard.md` from {origin}; do not edit. Every figure
comes from `guardrail screen --facts all` with the default policy, over development data and over
suites of decisions of this project's own ([scoreboard/suites](../scoreboard/README.md)).

The data was collected from public repositories, is labelled by those who published it, and is not
part of this project. It is **development data**: lexicons and rules were measured against it while
they were written, so figures on unseen data will be lower. Rows are in no table, only counts of
them. Sources that training never reads are reported apart, and of the suites one is closed to
those who tune.
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be screened. trained: the sources that training reads."""

    rows: Mapping[str, Sequence[Row]]
    situations: Sequence[Situation] = ()
    disguised: Sequence[Disguised] = ()
    trained: frozenset[str] = field(default=frozenset(), repr=False)

    def asks(self) -> list[Ask]:
        """Every request, in the order `Board` takes the answers."""
        of_rows = [ask for rows in self.rows.values() for row in rows for ask in asks_of(row)]
        plain = [situation.ask() for situation in self.situations]
        return of_rows + plain + [one.row.ask() for one in self.disguised]


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that was screened; parts that were not are missing."""

    parts: Mapping[str, Part]
    decided: Sequence[Answered]
    tried: Sequence[Tried]
    trained: frozenset[str] = field(default=frozenset(), repr=False)

    def figures(self) -> list[Figure]:
        """The headline's figures."""
        parts = self.parts
        found: list[Figure] = []
        if "sexual" in parts:
            found += headline.of_sexual(parts["sexual"], self.trained)
        if "person" in parts:
            found += headline.of_person(parts["person"], self.trained)
        if "benign" in parts:
            found += headline.of_benign(parts["benign"])
        if "benign" in parts and "sexual" in parts:
            found += headline.of_medicine(parts)
        if self.decided:
            found += headline.of_decisions(self.decided)
        return [*found, *(headline.of_disguise(self.tried) if self.tried else ())]

    def tables(self) -> list[Table]:
        """Every table, the headline first."""
        return [headline.table(self.figures()), *self._of_parts(), *self._of_suites(), *self._end()]

    def _of_parts(self) -> Iterator[Table]:
        parts, nothing = self.parts, Part((), ())
        if "sexual" in parts:
            yield from sexual.tables(parts["sexual"])
            yield sources.of_sexual(parts["sexual"].chat, self.trained)
        if "person" in parts:
            yield from person.tables(parts["person"], parts.get("benign", nothing))
            yield sources.of_person(parts["person"].chat, self.trained)
        if "benign" in parts:
            yield from benign.tables(parts["benign"])

    def _of_suites(self) -> Iterator[Table]:
        if self.decided:
            yield from decisions.tables(self.decided)
        if self.tried:
            yield from disguised.tables(self.tried)

    def _end(self) -> Iterator[Table]:
        yield self._screened_by()
        if self.parts:
            yield self._data()

    def _screened_by(self) -> Table:
        cases = [case.seen for part in self.parts.values() for case in part.chat[:1]]
        seen = [*cases, *(seen for _, seen in self.decided[:1])][:1]
        lines = [
            line
            for one in seen
            for line in (("policy", one.policy), *(("detector", name) for name in one.detectors))
        ]
        return Table("Screened by", ("", "version"), tuple(lines), level=2, left=2)

    def _data(self) -> Table:
        cases = [case for part in self.parts.values() for case in part.chat]
        lines = [
            (part, source, licence, str(len(group)))
            for part, of_part in grouped(cases, lambda case: case.row.part)
            for source, of_source in grouped(of_part, lambda case: case.label("source"))
            for licence, group in grouped(of_source, lambda case: case.label("licence"))
        ]
        note = "Development rows by where they were published."
        return Table("Data", ("part", "source", "licence", "rows"), tuple(lines), note, 2, left=3)


def prepare(folder: Path, every: int = 1, only: Collection[str] = EVERY) -> Work:
    """Read the data, each `every`th row of it, and the suites, or the parts of it asked for.

    The rows for training are looked for in `train/` beside the folder. ConfigurationError without
    data. Rows in disguise need the plain ones, which are then read as well.
    """
    rows = {part: read_rows(folder, part)[::every] for part in PARTS if part in only}
    trained = sources.trained_on(folder.parent / "train") if rows else frozenset[str]()
    situations = read_suites()[::every] if {DECISIONS, DISGUISE} & set(only) else []
    return Work(rows, situations, disguises(situations) if DISGUISE in only else [], trained)


def make_board(work: Work, workers: int, tick: Callable[[], None]) -> Board:
    """Screen everything; `tick` is called once for each of `work.asks()`."""
    answers = iter(screen(work.asks(), workers, tick))
    parts = {part: part_of(rows, answers) for part, rows in work.rows.items()}
    decided = [(situation, next(answers)) for situation in work.situations]
    plain = {(row.suite, row.line): seen for row, seen in decided}
    tried = [_tried(one, plain, next(answers)) for one in work.disguised]
    return Board(parts, decided, tried, work.trained)


def _tried(one: Disguised, plain: Mapping[tuple[str, int], Seen], seen: Seen) -> Tried:
    return Tried(one, plain[one.plain.suite, one.plain.line], seen)


def as_page(tables: Sequence[Table], origin: str) -> str:
    """The page docs/scoreboard.md: the same tables and origin always make the same page."""
    return f"{HEADER.format(origin=origin)}\n{as_markdown(tables)}"
