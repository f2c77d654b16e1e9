"""The pages under docs: links lead somewhere, and docs/detection.md leaves no detector out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guardrail.detect import registry
from scoreboard.history import curve, placed

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
DETECTION = (DOCS / "detection.md").read_text("utf-8")


def anchors(page: str) -> set[str]:
    """What a heading is linked by: lower case, punctuation dropped, spaces as hyphens."""
    headings = _HEADING.findall(_FENCE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in _LINK.findall(_FENCE.sub("", path.read_text("utf-8"))):
        found = path.parent / target if target else path
        assert found.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in anchors(found.read_text("utf-8")), f"{target or path.name}#{anchor}"


def test_every_detector_is_explained() -> None:
    names = [line.split(" = ")[0] for line in registry.BUILT_IN]
    assert [name for name in names if f"`{name}`" not in DETECTION] == []


def test_the_page_has_a_place_for_the_curve() -> None:
    assert curve([]) in placed(DETECTION, curve([]))
