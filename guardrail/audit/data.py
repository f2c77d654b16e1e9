"""Every table as data: CSV and JSON, one workbook of all, and the counts by every dimension."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from guardrail.audit.document import Column, Table
from guardrail.audit.dsa import FIELDS, statement
from guardrail.audit.extra import needed
from guardrail.audit.formats import day
from guardrail.audit.inquiry import moment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from guardrail.audit.document import Cell
    from guardrail.audit.gather import Evidence
    from guardrail.audit.records import Sampled

_COUNTS = ("day", "operation", "jurisdiction", "tier", "policy")
_ENDED = ("opened", "released", "refused", "gated", "failed", "cancelled", "unfinished")
_KEPT = (*_COUNTS, "stage", "action", "rule", "reason", "outcome", "attempts")
_SHEET = 31
_MOST_ROWS = 20_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cubes(evidence: Evidence) -> tuple[Table, Table]:
    """Counts in scope by every dimension: of all requests, and of attempts kept in full."""
    counts = tuple(
        (
            day(one.day),
            *(getattr(one, name) for name in _COUNTS[1:]),
            *(getattr(one, name) for name in _ENDED),
        )
        for one in evidence.counts
    )
    kept = tuple(
        (day(one.day), *(getattr(one, name) for name in _KEPT[1:])) for one in evidence.groups
    )
    return _cube("counts", (*_COUNTS, *_ENDED), counts), _cube("attempts_kept", _KEPT, kept)


def _cube(name: str, columns: Sequence[str], rows: tuple[tuple[Cell, ...], ...]) -> Table:
    return Table(name, name, tuple(Column(column, column) for column in columns), rows)


def as_csv(table: Table) -> bytes:
    """RFC 4180, UTF-8 with a byte order mark, the columns' names first; `=` cannot start a cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows([harmless(cell) for cell in row] for row in table.rows)
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def harmless(cell: Cell) -> Cell:
    """Text that a spreadsheet would run as a formula, with an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_json(tables: Iterable[Table]) -> bytes:
    """All tables: title, columns, rows."""
    return f"{{{','.join(map(_table_json, tables))}\n}}\n".encode()


def _table_json(table: Table) -> str:
    """A line for each row, which is read by people and written many times faster than indented."""
    names = [column.name for column in table.columns]
    name, title, columns = (_line(part) for part in (table.id, table.title, names))
    rows = ",".join(f"\n  {_line(row)}" for row in table.rows)
    return f'\n{name}: {{"title": {title}, "columns": {columns}, "rows": [{rows}]}}'


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def as_workbook(tables: Sequence[Table], at: int, author: str) -> bytes:
    """Tables of up to 20,000 rows as sheets of one workbook.

    at: its date (ns), so that its bytes do not change.
    """
    xlsxwriter = needed("xlsxwriter")
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(
        stream, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"author": author, "created": _whole(moment_of(at))})
    bold = book.add_format({"bold": True, "bottom": 1})
    share = book.add_format({"num_format": "0.0%"})
    for table in tables:
        if len(table.rows) > _MOST_ROWS:
            continue
        _sheet(book.add_worksheet(table.id[:_SHEET]), table, bold, share)
    book.close()
    return stream.getvalue()


def _sheet(sheet: Any, table: Table, bold: Any, share: Any) -> None:
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(table.columns):
        sheet.write_string(0, place, column.title, bold)
        longest = max((len(str(row[place])) for row in table.rows[:200]), default=0)
        wide = min(60, max(10, longest + 2, 2 * len(column.title)))
        sheet.set_column(place, place, wide, share if column.kind == "share" else None)
    for number, row in enumerate(table.rows, 1):
        sheet.write_row(number, 0, row)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def statement_lines(attempts: Iterable[Sampled]) -> Iterator[tuple[str, str]]:
    """For each attempt its statement of reasons, as a line of CSV and a line of JSON."""
    for attempt in attempts:
        made = statement(attempt)
        cells = [_cell(made[name]) for name in FIELDS]
        yield csv_line(cells), json.dumps(made, ensure_ascii=False) + "\n"


def csv_line(cells: Sequence[Cell]) -> str:
    """One line of CSV."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return stream.getvalue()


def _cell(value: Any) -> Cell:
    return json.dumps(value) if isinstance(value, list) else value
