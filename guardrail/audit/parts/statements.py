"""The part about statements of reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.audit.document import Block, Paragraph, Table
from guardrail.audit.dsa import statement
from guardrail.audit.parts.maker import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from guardrail.audit.parts.maker import Maker
    from guardrail.audit.records import Sampled

FIRST = 10
_SHOWN = ("puid", "category", "decision_ground", "territorial_scope", "application_date")


def dsa(make: Maker, rows: int, first: Sequence[Sampled]) -> Iterator[Block]:
    """How many statements there are, and the first of them."""
    yield Paragraph(make.words("dsa.intro", rows=f"{rows:,}"))
    columns = [make.column(name, "text", 2, name) for name in _SHOWN]
    cells = []
    for attempt in first:
        made = statement(attempt)
        made["territorial_scope"] = ", ".join(made["territorial_scope"])
        made["category"] = made["category"].removeprefix("STATEMENT_CATEGORY_")
        made["decision_ground"] = made["decision_ground"].removeprefix("DECISION_GROUND_")
        cells.append([made[name] for name in _SHOWN])
    yield Table("dsa_first", make.words("dsa.table"), tuple(columns), rows_of(cells))
