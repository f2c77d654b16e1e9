"""A document as both renderers take it: plain dictionaries, every cell already text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.audit.document import Bullets, Chart, Heading, Pairs, Paragraph, Table
from guardrail.audit.formats import shown
from guardrail.audit.words import Words

if TYPE_CHECKING:
    from guardrail.audit.document import Block, Document


def as_shown(document: Document) -> dict[str, Any]:
    """Everything of a report that is drawn; charts by their id."""
    words = Words(document.language)
    return {
        "language": document.language,
        "title": document.title,
        "subtitle": document.subtitle,
        "facts": [list(fact) for fact in document.facts],
        "letter": [_block(block, words) for block in document.letter],
        "letter_title": words("report.letter"),
        "contents": words("report.contents"),
        "footer": document.footer,
        "sections": [
            {
                "id": section.id,
                "number": section.number,
                "title": section.title,
                "blocks": [_block(block, words) for block in section.blocks],
            }
            for section in document.sections
        ],
    }


def _block(block: Block, words: Words) -> dict[str, Any]:
    match block:
        case Table():
            return _table(block, words)
        case Chart():
            return {"type": "chart", "id": block.id, "title": block.title, "alt": block.alt}
        case Paragraph():
            return {"type": "paragraph", "text": block.text, "tone": block.tone}
        case Heading():
            return {"type": "heading", "text": block.text}
        case Bullets():
            return {"type": "bullets", "items": list(block.items)}
        case Pairs():
            rows = [list(row) for row in block.rows]
            return {"type": "pairs", "rows": rows, "code": block.code}


def _table(table: Table, words: Words) -> dict[str, Any]:
    left = len(table.rows) - table.shown
    more = words("report.more", left=f"{left:,}", id=table.id) if left > 0 else ""
    return {
        "type": "table",
        "id": table.id,
        "title": table.title,
        "note": table.note,
        "more": more,
        "columns": [
            {"title": one.title, "right": one.right, "kind": one.kind, "weight": one.weight}
            for one in table.columns
        ],
        "rows": [
            [shown(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)]
            for row in table.rows[: table.shown]
        ],
    }
