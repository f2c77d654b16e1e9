"""What a report looks like: HTML, PDF, charts, data."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.audit.build import Built
from guardrail.audit.charts import Series, bars, stacked
from guardrail.audit.data import as_csv, as_workbook
from guardrail.audit.document import (
    Bullets,
    Column,
    Document,
    Pairs,
    Paragraph,
    Section,
    Table,
)
from guardrail.audit.formats import shown
from guardrail.audit.html import html
from guardrail.audit.pdf import check_fonts, pdf
from guardrail.audit.tallies import quantile
from guardrail.errors import ConfigurationError
from tests.audit.conftest import outside
from tests.audit.support import T0, built, inquiry, new_log

HOSTILE = '<script>alert(1)</script> & "quoted" #let x = 1 $a$ *b* _c_ `d` [e] \\ @f // g'


def document(*blocks: Any, language: str = "en") -> Document:
    section = Section("one", 1, HOSTILE, blocks or (Paragraph(HOSTILE),))
    facts = ((HOSTILE, HOSTILE),)
    return Document(language, "", HOSTILE, HOSTILE, facts, (), (section,), HOSTILE, T0)


def text_of(data: bytes, tmp_path: Path) -> str:
    outside("pdftotext", "poppler-utils")
    path = tmp_path / "report.pdf"
    path.write_bytes(data)
    done = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"],  # noqa: S607 (found by `outside`)
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


class Tags(HTMLParser):
    """Which tags there are, and whether they are balanced."""

    VOID = frozenset({"meta", "br", "rect", "line"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_text_is_never_markup_in_html() -> None:
    table = Table("t", HOSTILE, (Column("a", HOSTILE),), ((HOSTILE,),), HOSTILE)
    page = html(document(Paragraph(HOSTILE), table)).decode()
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "script" not in tags.seen
    assert "alert(1)" in page


def test_text_is_never_markup_in_the_pdf(tmp_path: Path) -> None:
    table = Table("t", HOSTILE, (Column("a", HOSTILE),), ((HOSTILE,),), HOSTILE)
    text = text_of(pdf(document(Paragraph(HOSTILE), table)), tmp_path)
    flat = re.sub(r"[\s\u200b]+", "", text)
    assert flat.count(re.sub(r"\s+", "", HOSTILE)) >= 6


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", "\u200b\u202e", "𠮷野家👩‍👩‍👧 العربية", "a" * 3000]
)
def test_strange_text_can_be_set(text: str) -> None:
    section = Section("one", 1, "t", (Paragraph(text), Bullets((text,)), Pairs(((text, text),))))
    made = Document("en", text, "t", text, ((text, text),), (), (section,), text, T0)
    assert pdf(made).startswith(b"%PDF-")
    assert html(made).endswith(b"</html>")


def test_the_report_reads_the_same_in_every_form(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=60)
    made = built(inquiry(tmp_path, languages=["ja", "en"]), url, tmp_path / "out")
    page = (made.folder / "report.ja.html").read_text("utf-8")
    text = text_of((made.folder / "report.ja.pdf").read_bytes(), tmp_path)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert {"svg", "table", "caption", "nav"} <= tags.seen
    flat = re.sub(r"\s+", "", text)
    for heading in re.findall(r"<h2>\d+  (.*?)</h2>", page):
        assert re.sub(r"\s+", "", heading) in flat
    for word in ("内閣府", "照会への回答", "有効な措置", "本報告が証明しないこと", "拒否"):
        assert word in flat
        assert word in page
    english = text_of((made.folder / "report.en.pdf").read_bytes(), tmp_path)
    assert "Controls in force" in english
    assert "real-person" in english.replace("\u200b", "")


def test_a_pdf_says_it_is_pdf_a_and_has_fonts_in_it(packed: tuple[Built, str]) -> None:
    data = (packed[0].folder / "report.en.pdf").read_bytes()
    assert b"pdfaid:part>2<" in data
    assert b"pdfaid:conformance>A<" in data
    assert b"pdfuaid:part>1<" in data
    outside("pdffonts", "poppler-utils")
    done = subprocess.run(
        ["pdffonts", str(packed[0].folder / "report.en.pdf")],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    fonts = done.stdout.splitlines()[2:]
    assert fonts
    assert all(" yes yes " in re.sub(r" +", " ", line) for line in fonts)


def test_a_japanese_pdf_needs_a_japanese_font() -> None:
    with pytest.raises(ConfigurationError, match="apt-get install fonts-noto-cjk"):
        check_fonts("ja", ["DejaVu Sans"])
    check_fonts("en", ["DejaVu Sans"])
    check_fonts("ja", ["Noto Sans CJK JP"])


def test_a_stacked_chart_is_as_high_as_its_numbers() -> None:
    labels = [f"{number:02}" for number in range(40)]
    red = Series("a < b", "#f00", tuple(range(40)))
    blue = Series("c", "#00f", (1,) * 40)
    root = ET.fromstring(stacked(labels, [red, blue], [(3, "x & y")]))  # noqa: S314 (our own)
    columns = [one for one in root if one.tag.endswith("rect") and one.get("fill") == "#f00"][1:]
    heights = [float(one.get("height", "0")) for one in columns]
    assert len(heights) == 39
    unit = heights[0]
    for number, height in enumerate(heights, 1):
        assert height == pytest.approx(unit * number, abs=0.02 * number)
    assert sum(one.tag.endswith("line") for one in root) >= 5


@given(
    st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), max_size=60),
    st.sampled_from(["a", "全体", "<&>"]),
)
def test_charts_of_any_numbers_are_svg(rows: list[tuple[int, int]], name: str) -> None:
    series = [
        Series(name, "#000", tuple(one for one, _ in rows)),
        Series(name, "#111", tuple(two for _, two in rows)),
    ]
    labels = [str(number) for number in range(len(rows))]
    for svg in (stacked(labels, series), bars(labels, series)):
        root = ET.fromstring(svg)  # noqa: S314 (our own)
        sizes = [float(one.get(side, "0")) for one in root for side in ("width", "height")]
        assert all(0 <= size <= 720 for size in sizes)
        assert len(root.findall("{*}line")) <= 8


def test_a_spreadsheet_runs_nothing() -> None:
    rows = tuple((text, 1) for text in ("=1+1", "+1", "-1", "@x", "safe"))
    table = Table("t", "t", (Column("a", "a"), Column("n", "n", "count")), rows)
    cells = [row[0] for row in csv.reader(io.StringIO(as_csv(table).decode("utf-8-sig")))]
    assert cells == ["a", "'=1+1", "'+1", "'-1", "'@x", "safe"]
    with zipfile.ZipFile(io.BytesIO(as_workbook([table], T0, ""))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet


def test_data_says_what_the_report_says(packed: tuple[Built, str]) -> None:
    folder = packed[0].folder / "data"
    tables = json.loads((folder / "tables.json").read_text("utf-8"))
    with zipfile.ZipFile(folder / "data.xlsx") as book:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
    assert names == list(tables)
    assert {path.stem for path in folder.glob("*.csv")} == set(tables)
    for name, table in tables.items():
        lines = (folder / f"{name}.csv").read_text("utf-8-sig")
        rows = list(csv.reader(io.StringIO(lines)))
        assert rows[0] == table["columns"]
        assert len(rows) == len(table["rows"]) + 1


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (1234567, "count", "1,234,567"),
        (0.256, "share", "25.6 %"),
        (1234.56, "ms", "1,234.6"),
        (None, "count", "–"),
        ("", "text", "–"),
        (2.5, "count", "2.50"),
    ],
)
def test_cells(value: Any, kind: Any, text: str) -> None:
    assert shown(value, kind) == text


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_quantiles_are_nearest_rank(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = quantile(ordered, share)
    assert found in ordered
    below = sum(value <= found for value in ordered) / len(ordered)
    assert below >= share - 1e-9
    rest = sum(value < found for value in ordered) / len(ordered)
    assert rest < share
