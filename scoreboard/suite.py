"""The decision suites of this project's own: requests, and what the default policy should say."""

from __future__ import annotations

import base64
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from guardrail.errors import ConfigurationError
from guardrail.records import Action, Operation
from guardrail.testing import neutral_png
from scoreboard.screened import Ask, Seen

FOLDER = Path(__file__).with_name("suites")
NAMES = ("first", "open", "closed")
CLOSED = "closed"
"""The suite whose rows nobody who tunes has seen: no table lists its lines."""
COLUMNS = ("text", "lang", "operation", "caller", "action", "reason", "group", "pair")
ANY = NOBODY = UNPAIRED = "-"
TURN, ASSISTANT, PICTURE, AGE = " || ", "A: ", "+picture", "+age"
HARMLESS = Action.ALLOW.label


@dataclass(frozen=True, slots=True)
class Situation:
    """One row: a request, and what the default policy should answer. README.md has the columns.

    suite: its file without the ending. line: in the file, counting from 1.
    """

    suite: str
    line: int
    text: str = field(repr=False)
    lang: str
    operation: str
    caller: str
    action: str
    reason: str
    group: str
    pair: str

    def __post_init__(self) -> None:
        known = {action.label for action in Action}
        asked = self.turns and self._operation in set(Operation)
        if not asked or self.action not in known or not self.pair:
            raise ConfigurationError(f"{self.suite}.tsv:{self.line}: not a request with an action")

    @property
    def _operation(self) -> str:
        return self.operation.removesuffix(PICTURE)

    @property
    def harmful(self) -> bool:
        """Whether it must be gated or refused."""
        return self.action != HARMLESS

    @property
    def turns(self) -> list[str]:
        """What was said, in order; a turn of the assistant begins with `ASSISTANT`."""
        return self.text.split(TURN) if self.text else []

    def ask(self) -> Ask:
        """The request as `guardrail screen` reads it; several turns become messages."""
        asked: dict[str, Any] = {"operation": self._operation}
        turns = self.turns
        if len(turns) > 1:
            asked["messages"] = [_message(turn) for turn in turns]
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


def _message(turn: str) -> dict[str, str]:
    if turn.startswith(ASSISTANT):
        return {"role": "assistant", "content": turn.removeprefix(ASSISTANT)}
    return {"role": "user", "content": turn}


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


def read_suite(path: Path) -> list[Situation]:
    """Read one suite; ConfigurationError names the line that is not a row, and never quotes it."""
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ConfigurationError(f"{path.name}:1: expected the columns {', '.join(COLUMNS)}")
    for number, fields in enumerate(lines, 1):
        if len(fields) != len(COLUMNS):
            raise ConfigurationError(f"{path.name}:{number}: expected {len(COLUMNS)} columns")
    return [Situation(path.stem, number, *fields) for number, fields in enumerate(lines[1:], 2)]


def read_suites(folder: Path = FOLDER) -> list[Situation]:
    """Read the suites that are there, in the order of `NAMES`."""
    paths = [folder / f"{name}.tsv" for name in NAMES]
    return [row for path in paths if path.is_file() for row in read_suite(path)]


Answered = tuple[Situation, Seen]


def twins(rows: Iterable[Situation]) -> dict[tuple[str, str], list[Situation]]:
    """The rows that share a pair, by suite and pair; rows of no pair are left out."""
    pairs: dict[tuple[str, str], list[Situation]] = {}
    for row in rows:
        if row.pair != UNPAIRED:
            pairs.setdefault((row.suite, row.pair), []).append(row)
    return pairs


def pairs_right(answered: Sequence[Answered]) -> tuple[int, int]:
    """Pairs whose rows all got the right action, and all pairs of harmful and harmless rows."""
    right = {(row.suite, row.line) for row, seen in answered if row.action_right(seen)}
    whole = [
        rows
        for rows in twins(row for row, _ in answered).values()
        if len({row.harmful for row in rows}) > 1
    ]
    return sum(all((row.suite, row.line) in right for row in rows) for rows in whole), len(whole)
