"""The report as one HTML file: no script, nothing fetched, charts inside."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from guardrail.audit.document import Chart
from guardrail.audit.extra import needed
from guardrail.audit.shown import as_shown

if TYPE_CHECKING:
    from guardrail.audit.document import Document


def html(document: Document) -> bytes:
    """The file. Raises ConfigurationError where the extra is not installed."""
    jinja2 = needed("jinja2")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("guardrail.audit").joinpath("assets", "report.html.j2").read_text("utf-8")
    charts = {
        block.id: needed("markupsafe").Markup(block.svg)
        for section in document.sections
        for block in section.blocks
        if isinstance(block, Chart)
    }
    text: str = environment.from_string(source).render(report=as_shown(document), charts=charts)
    return text.encode()
