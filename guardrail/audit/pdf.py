"""The report as PDF/A-2a and PDF/UA-1, by typst: same report, same fonts, same bytes."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardrail.audit.document import Chart
from guardrail.audit.extra import needed
from guardrail.audit.inquiry import moment_of
from guardrail.audit.shown import as_shown
from guardrail.errors import ConfigurationError
from guardrail.log.times import SECOND

if TYPE_CHECKING:
    from guardrail.audit.document import Document
    from guardrail.audit.localized import Language

STANDARDS = ["a-2a", "ua-1"]
_JAPANESE = ("Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans JP", "IPAexGothic", "IPAGothic")
_LATIN = (*_JAPANESE, "Noto Sans", "DejaVu Sans", "Libertinus Serif")
_MONO = ("Noto Sans Mono CJK JP", "DejaVu Sans Mono")


def check_fonts(language: Language) -> None:
    """Raise ConfigurationError when a report in this language has no font on this machine."""
    if language == "ja" and not _first(_JAPANESE):
        raise ConfigurationError(
            "a Japanese PDF needs a Japanese font, and none of "
            f"{', '.join(_JAPANESE)} is installed: apt-get install fonts-noto-cjk"
        )


def pdf(document: Document) -> bytes:
    """The file. Raises ConfigurationError where typst or a font is missing."""
    typst = needed("typst")
    japanese = document.language == "ja"
    check_fonts("ja" if japanese else "en")
    moment = moment_of(document.at)
    fields = as_shown(document) | {
        "date": [moment.year, moment.month, moment.day],
        "author": [document.author] if document.author else [],
        "fonts": _first(_JAPANESE if japanese else _LATIN),
        "mono": _first(_MONO),
    }
    with tempfile.TemporaryDirectory(prefix="guardrail-report-") as name:
        folder = Path(name)
        _write(folder, document, fields)
        try:
            data: bytes = typst.compile(
                folder / "report.typ",
                root=folder,
                font_paths=_fonts(),
                format="pdf",
                pdf_standards=STANDARDS,
                timestamp=document.at // SECOND,
            )
        except typst.TypstError as error:
            raise ConfigurationError(f"the report cannot be set as PDF: {error}") from None
    return data


def _write(folder: Path, document: Document, fields: dict[str, Any]) -> None:
    source = files("guardrail.audit").joinpath("assets", "report.typ").read_text("utf-8")
    (folder / "report.typ").write_text(source, "utf-8")
    (folder / "report.json").write_text(json.dumps(fields, ensure_ascii=False), "utf-8")
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Chart):
                (folder / f"{block.id}.svg").write_text(block.svg, "utf-8")


@cache
def _fonts() -> Any:
    return needed("typst").Fonts()


def _first(families: tuple[str, ...]) -> list[str]:
    """The first of these that is installed."""
    known = set(_fonts().families())
    return [family for family in families if family in known][:1]
