"""The report as PDF/A-2a and PDF/UA-1, by typst: same report, same fonts, same bytes."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardrail.audit.extra import needed
from guardrail.audit.inquiry import moment_of
from guardrail.audit.shown import as_shown
from guardrail.errors import ConfigurationError
from guardrail.log.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from guardrail.audit.document import Document
    from guardrail.audit.localized import Language

_MAIN = "report.typ"
_BOX = "\u25a1"
_PROBE = '#set document(title: "-")\n#json("report.json")'
STANDARDS = ["a-2a", "ua-1"]
_JAPANESE = ("Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans JP", "IPAexGothic", "IPAGothic")
_LATIN = (*_JAPANESE, "Noto Sans", "DejaVu Sans", "Libertinus Serif")
_MONO = ("Noto Sans Mono CJK JP", "DejaVu Sans Mono")


def check_fonts(language: Language, installed: Collection[str] | None = None) -> None:
    """Raise ConfigurationError when a report in this language has no font.

    installed: font families; None: those of this machine.
    """
    known = _fonts().families() if installed is None else installed
    if language == "ja" and not set(_JAPANESE) & set(known):
        raise ConfigurationError(
            "a Japanese PDF needs a Japanese font, and none of "
            f"{', '.join(_JAPANESE)} is installed: apt-get install fonts-noto-cjk"
        )


def pdf(document: Document) -> bytes:
    """The file. Raises ConfigurationError where typst or a font is missing.

    PDF/A allows no character without a glyph: those that no font has are set as an empty box.
    """
    check_fonts("ja" if document.language == "ja" else "en")
    moment = moment_of(document.at)
    fields = as_shown(document) | {
        "date": [moment.year, moment.month, moment.day],
        "author": [document.author] if document.author else [],
        "fonts": _first(_JAPANESE if document.language == "ja" else _LATIN),
        "mono": _first(_MONO),
    }
    source = files("guardrail.audit").joinpath("assets", "report.typ").read_text("utf-8")
    parts = {"report.json": json.dumps(fields, ensure_ascii=False)}
    parts |= {f"{chart.id}.svg": chart.svg for chart in document.charts}
    try:
        return _compiled(source, parts, document.at)
    except _Unset:
        boxes = dict.fromkeys(map(ord, _missing("".join(parts.values()))), _BOX)
    try:
        clean = {name: text.translate(boxes) for name, text in parts.items()}
        return _compiled(source, clean, document.at)
    except _Unset as error:
        raise ConfigurationError(f"the report cannot be set as PDF: {error}") from None


class _Unset(Exception):
    """What typst could not set."""


def _compiled(source: str, parts: Mapping[str, str], at: int) -> bytes:
    typst = needed("typst")
    with tempfile.TemporaryDirectory(prefix="guardrail-report-") as name:
        folder = Path(name)
        for file, text in {_MAIN: source, **parts}.items():
            (folder / file).write_bytes(text.encode("utf-8", "replace"))
        try:
            data: bytes = typst.compile(
                folder / _MAIN,
                root=folder,
                font_paths=_fonts(),
                format="pdf",
                pdf_standards=STANDARDS,
                timestamp=at // SECOND,
            )
        except typst.TypstError as error:
            raise _Unset(str(error)) from None
    return data


def _missing(text: str) -> Iterator[str]:
    """Characters that no font has, found by halving."""
    left = ["".join(sorted({sign for sign in text if sign > "~"}))]
    while left:
        signs = left.pop()
        try:
            _compiled(_PROBE, {"report.json": json.dumps(" ".join(signs))}, 0)
        except _Unset:
            if len(signs) == 1:
                yield signs
            else:
                left += [signs[: len(signs) // 2], signs[len(signs) // 2 :]]


@cache
def _fonts() -> Any:
    return needed("typst").Fonts()


def _first(families: tuple[str, ...]) -> list[str]:
    """The first of these that is installed."""
    known = set(_fonts().families())
    return [family for family in families if family in known][:1]
