"""What the parts of a report share: words, formats, and tables of tallies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.audit.charts import COLOURS, Series
from guardrail.audit.document import Cell, Column, Kind, Table
from guardrail.audit.formats import day, minute, zone
from guardrail.audit.tallies import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from guardrail.audit.gather import Evidence
    from guardrail.audit.words import Words

OUTCOMES = ("released", "refused", "gated", "failed", "cancelled", "unfinished")
_TALLY: tuple[tuple[str, Kind], ...] = (
    ("opened", "count"),
    ("released", "count"),
    ("refused", "count"),
    ("gated", "count"),
    ("failed", "count"),
    ("cancelled", "count"),
    ("unfinished", "count"),
    ("kept", "count"),
    ("stopped", "share"),
)


@dataclass(frozen=True, slots=True)
class Maker:
    """One report in the making. answers: by question, what it says in words."""

    evidence: Evidence
    words: Words
    answers: Mapping[str, str]

    @property
    def offset(self) -> int:
        """Hours that days are ahead of UTC."""
        return self.evidence.inquiry.scope.utc_offset

    @property
    def zone(self) -> str:
        """What the report's clock is called."""
        return zone(self.offset)

    def minute(self, at: int) -> str:
        """A time, to the minute, on the report's clock."""
        return minute(at, self.offset)

    def column(
        self, name: str, kind: Kind = "text", weight: float = 1.0, title: str = ""
    ) -> Column:
        """A column, under the title its name stands for."""
        return Column(name, title or self.words(f"column.{name}"), kind, weight)

    def columns(
        self, *given: str | tuple[str, Kind] | tuple[str, Kind, float]
    ) -> tuple[Column, ...]:
        """Several, each a name, or a name with its kind and weight."""
        return tuple(
            self.column(one) if isinstance(one, str) else self.column(*one) for one in given
        )

    def tally_table(
        self, name: str, title: str, rows: Mapping[str, Tally], note: str = ""
    ) -> Table:
        """A row for each key: how its attempts ended. The data file and column bear `name`."""
        keyed = self.column(name.removeprefix("by_"), "text", 2.2)
        columns = (keyed, *(self.column(part, kind) for part, kind in _TALLY))
        cells = tuple((key, *tally.cells) for key, tally in rows.items())
        return Table(name, title, columns, cells, note)

    def days(self) -> list[int]:
        """Every day of the period."""
        return list(range(*self.evidence.days))

    def day_labels(self) -> list[str]:
        """Days as charts name them."""
        return [day(number)[5:] for number in self.days()]

    def series(self, by_day: Mapping[int, Tally], outcomes: Sequence[str]) -> list[Series]:
        """A colour for each outcome, a value for each day."""
        return [
            Series(
                self.words(f"column.{name}"),
                COLOURS[name],
                tuple(getattr(by_day.get(number, Tally()), name) for number in self.days()),
            )
            for name in outcomes
        ]

    def yes(self, value: bool) -> str:
        """Yes or no."""
        return self.words("yes.yes" if value else "yes.no")


def rows_of(items: Iterable[Sequence[Any]]) -> tuple[tuple[Cell, ...], ...]:
    """Rows as a table keeps them."""
    return tuple(tuple(item) for item in items)
