"""Attempts and counts as tables on a terminal."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.json import JSON
from rich.table import Table
from rich.text import Text

from guardrail.cli.console import ACTION_STYLES, console
from guardrail.records import Action

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guardrail.log import AttemptRow, Stats

SHOWN = 50
WIDE = 110
NUMBERS = (
    *("opened", "released", "refused", "gated", "failed", "cancelled"),
    *("unfinished", "flagged", "users"),
)


def print_table(found: Iterable[AttemptRow], limit: int | None) -> None:
    """Print at most `limit` attempts, one a line; None: the first 50, and say if there are more."""
    rows = list(islice(found, SHOWN + 1 if limit is None else limit))
    if not rows:
        console(stderr=True).print("No attempts match.")
        return
    out = console()
    wide = out.width >= WIDE
    table = _table(tight=not wide)
    for name in ("opened (UTC)", "id", "action"):
        table.add_column(name, no_wrap=True)
    for name in (*(("rule",) if wide else ()), "reason", "operation", "where", "outcome"):
        table.add_column(name, overflow="fold")
    for row in rows[: SHOWN if limit is None else None]:
        table.add_row(*_cells(row, wide=wide))
    out.print(table)
    if limit is None and len(rows) > SHOWN:
        console(stderr=True).print(f"{SHOWN} are shown; --limit N shows more.")


def _cells(row: AttemptRow, *, wide: bool) -> list[Text]:
    summary = row.summary()
    rule = (Text(row.rule),) if wide else ()
    return [
        Text(summary["at"][0 if wide else 5 : 19].replace("T", " ")),
        Text(row.id[-12 if wide else -8 :]),
        _action(row),
        *rule,
        Text(row.reason),
        Text(row.operation),
        Text(row.jurisdiction),
        Text(summary["outcome"]),
    ]


def print_attempt(row: AttemptRow, fields: dict[str, Any]) -> None:
    """Print everything that is kept of one attempt."""
    out = console()
    out.print(Text.assemble(_action(row), f"  {row.id}"))
    for name, value in fields.items():
        if name not in {"id", "opened", "closed", "private"}:
            out.print(Text(f"  {name:<13} {'-' if value in {None, ''} else value}"))
    for name in ("opened", "closed", "private"):
        out.print(Text(f"\n{name}", "bold"))
        out.print(JSON.from_data(fields[name], ensure_ascii=False))


def print_stats(found: Stats) -> None:
    """Print counts, leaving out the columns that are zero throughout."""
    numbers = [name for name in NUMBERS if getattr(found.total, name) or name == "opened"]
    table = _table(tight=False)
    for name in found.by or ("",):
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    for row in found.rows if found.by else ():
        table.add_row(*map(Text, row.key), *(f"{getattr(row, name):,}" for name in numbers))
    blank = [""] * (max(1, len(found.by)) - 1)
    total = (f"{getattr(found.total, name):,}" for name in numbers)
    table.add_row(Text("all", "bold"), *blank, *total)
    out = console()
    out.print(table)
    if found.repeat_users:
        out.print(f"Users refused or gated more than once: {found.repeat_users:,}")


def _table(*, tight: bool) -> Table:
    """A plain table; a tight one fits its seven columns into 80 characters."""
    padding = (0, 1, 0, 0) if tight else (0, 2, 0, 0)
    return Table(box=None, header_style="bold", pad_edge=False, padding=padding)


def _action(row: AttemptRow) -> Text:
    return Text(row.action, ACTION_STYLES[Action[row.action.upper()]])
