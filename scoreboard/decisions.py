"""The decision suite of this project's own, and tables on it."""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guardrail.errors import ConfigurationError
from guardrail.records import Action, Operation
from guardrail.testing import neutral_png
from scoreboard.metrics import ratio
from scoreboard.screened import Ask, Seen
from scoreboard.tables import Table, grouped, percent

FILE = Path(__file__).with_name("decisions.tsv")
COLUMNS = ("text", "lang", "operation", "caller", "action", "reason", "group")
ANY, NOBODY, TURN, PICTURE, AGE = "-", "-", " || ", "+picture", "+age"
HEAD = ("rows", "right action", "right action %", "right reason too", "right reason too %")
_NOTE = (
    "Rows written for this project from the table of default decisions, never from what the "
    "detectors do; rows that fail stay. A reason is compared where the row names one."
)


@dataclass(frozen=True, slots=True)
class Situation:
    """One row: a request, and what the default policy should answer. README.md has the columns.

    line: in the file, counting from 1.
    """

    line: int
    text: str
    lang: str
    operation: str
    caller: str
    action: str
    reason: str
    group: str

    def __post_init__(self) -> None:
        known = {action.label for action in Action}
        if not self.text or self.action not in known or self._operation not in set(Operation):
            raise ConfigurationError(f"{FILE.name}:{self.line}: not a request with an action")

    @property
    def _operation(self) -> str:
        return self.operation.removesuffix(PICTURE)

    def ask(self) -> Ask:
        """The request as `guardrail screen` reads it; several turns become messages."""
        asked: dict[str, Any] = {"operation": self._operation}
        turns = self.text.split(TURN)
        if len(turns) > 1:
            asked["messages"] = [{"role": "user", "content": turn} for turn in turns]
        else:
            asked["prompt"] = self.text
        if self.operation.endswith(PICTURE):
            asked["images"] = [{"data": _picture()}]
        if self.caller != NOBODY:
            asked["caller"] = _caller(self.caller)
        return asked

    def action_right(self, seen: Seen) -> bool:
        """Whether the action is the expected one."""
        return seen.action == self.action

    def reason_right(self, seen: Seen) -> bool:
        """Whether action and reason are as expected."""
        return self.action_right(seen) and self.reason in (ANY, seen.reason)


@cache
def _picture() -> str:
    return base64.b64encode(neutral_png()).decode("ascii")


def _caller(words: str) -> dict[str, object]:
    """Read `adult+age JP`: a tier, whether the age is verified, a jurisdiction."""
    tier, _, place = words.partition(" ")
    return {
        "id": "scoreboard",
        "tier": tier.removesuffix(AGE),
        "age_verified": tier.endswith(AGE),
        "jurisdiction": place,
    }


def read_situations(path: Path = FILE) -> list[Situation]:
    """Read the suite; ConfigurationError names the line that is not one."""
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    if tuple(lines[0]) != COLUMNS:
        raise ConfigurationError(f"{path.name}:1: expected the columns {', '.join(COLUMNS)}")
    for number, fields in enumerate(lines, 1):
        if len(fields) != len(COLUMNS):
            raise ConfigurationError(f"{path.name}:{number}: expected {len(COLUMNS)} columns")
    return [Situation(number, *fields) for number, fields in enumerate(lines[1:], 2)]


Answered = tuple[Situation, Seen]


def actions_right(pairs: Iterable[Answered]) -> int:
    """Count the rows whose action is right."""
    return sum(situation.action_right(seen) for situation, seen in pairs)


def reasons_right(pairs: Iterable[Answered]) -> int:
    """Count the rows whose action and reason are right."""
    return sum(situation.reason_right(seen) for situation, seen in pairs)


def tables(pairs: Sequence[Answered]) -> Iterator[Table]:
    """Every table of this part, the first with its heading."""
    expected = grouped(pairs, lambda pair: f"must {pair[0].action}")
    yield Table("Decisions", ("", *HEAD), _lines([("all", pairs), *expected]), _NOTE, level=2)
    by_group = sorted(grouped(pairs, lambda pair: pair[0].group))
    yield Table("Decisions by group", ("group", *HEAD), _lines(by_group))
    by_language = grouped(pairs, lambda pair: pair[0].lang)
    yield Table("Decisions by language", ("language", *HEAD), _lines(by_language))
    yield _confusion(pairs)
    yield _wrong([pair for pair in pairs if not pair[0].reason_right(pair[1])])


def _lines(groups: Iterable[tuple[str, Sequence[Answered]]]) -> tuple[tuple[str, ...], ...]:
    lines = []
    for name, pairs in groups:
        actions, reasons, rows = actions_right(pairs), reasons_right(pairs), len(pairs)
        shares = percent(ratio(actions, rows)), percent(ratio(reasons, rows))
        lines.append((name, str(rows), str(actions), shares[0], str(reasons), shares[1]))
    return tuple(lines)


def _confusion(pairs: Sequence[Answered]) -> Table:
    names = [action.label for action in Action]
    lines = []
    for wanted in names:
        got = [seen.action for situation, seen in pairs if situation.action == wanted]
        lines.append((wanted, *(str(got.count(name)) for name in names)))
    return Table("Decisions: expected and given", ("expected", *names), tuple(lines))


def _wrong(pairs: Sequence[Answered]) -> Table:
    lines = [
        (
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
    head = ("line", "group", "language", "operation", "caller", "expected", "given")
    note = f"Lines of `scoreboard/{FILE.name}`."
    return Table("Decisions that are not as expected", head, tuple(lines), note, left=len(head))
