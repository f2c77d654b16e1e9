"""docs/inquiry.md: its template is one, and what it lists is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guardrail.audit.inquiry import InquiryModel, ScopeModel
from guardrail.audit.sections import SECTIONS
from guardrail.audit.template import find_template, shipped
from tests.audit.support import built, inquiry, new_log

PAGE = (Path(__file__).parents[2] / "docs" / "inquiry.md").read_text("utf-8")


def test_the_template_of_the_page_makes_a_pack(tmp_path: Path) -> None:
    (source,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "ours.yaml").write_text(source, "utf-8")
    (tmp_path / "ours.en.j2").write_text("To: {{ authority }}\n", "utf-8")
    assert find_template("ours.yaml", tmp_path).model.due == "30d"
    url = new_log(tmp_path / "attempts.db", number=9)
    made = built(inquiry(tmp_path, template="ours.yaml"), url, tmp_path / "out")
    assert "What this is said to rest on." in (made.folder / "report.en.html").read_text("utf-8")


@pytest.mark.parametrize(
    "names", [shipped(), SECTIONS, InquiryModel.model_fields, ScopeModel.model_fields]
)
def test_everything_has_its_place_on_the_page(names: list[str]) -> None:
    assert [name for name in names if f"`{name}`" not in PAGE] == []
