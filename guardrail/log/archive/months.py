"""Calendar months, UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from guardrail.errors import InputError
from guardrail.log.times import SECOND

if TYPE_CHECKING:
    from typing import Self

_FORM = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_YEAR = 12


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of a year, written `2026-11`. number: 1 to 12."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2026-11`; raises InputError."""
        found = _FORM.fullmatch(text.strip())
        if found is None or found[1] == "0000":
            raise InputError(f"not a month: {text!r}; write it as 2026-11")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, at: int) -> Self:
        """The month of a time (ns since the epoch, UTC)."""
        moment = datetime.fromtimestamp(at // SECOND, UTC)
        return cls(moment.year, moment.month)

    @property
    def start(self) -> int:
        """Its first nanosecond since the epoch, UTC."""
        return int(datetime(self.year, self.number, 1, tzinfo=UTC).timestamp()) * SECOND

    @property
    def end(self) -> int:
        """The first nanosecond after it."""
        return self.next.start

    @property
    def next(self) -> Month:
        """The month after it."""
        last = self.number == _YEAR
        return Month(self.year + 1, 1) if last else Month(self.year, self.number + 1)

    @property
    def before(self) -> Month:
        """The month before it."""
        return (
            Month(self.year - 1, _YEAR) if self.number == 1 else Month(self.year, self.number - 1)
        )

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
