"""The curve of the headline over commits."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scoreboard.history import (
    BEGIN,
    END,
    FIGURES,
    PAGE,
    Version,
    curve,
    placed,
    read_page,
    versions,
)

OLD = """# Scoreboard

## Headline

|  | figure | rows |
| --- | ---: | ---: |
| sexual content: AUPRC | 0.883 | 1630 |
| decisions right: all, % | 89.3 | 197 |

## Sexual content

### Sexual content by language

| language | rows | sexual | AUPRC | recall |
| --- | ---: | ---: | ---: | ---: |
| ja | 310 | 30 | 0.750 | 0.941 |
| sw | 6 | 4 | 0.667 | – |
"""
NEW = {"figures": {"sexual content: AUPRC": {"value": 0.96, "rows": 9}}}


def test_a_page_from_before_the_figures_were_kept() -> None:
    assert read_page(OLD) == {
        "sexual content: AUPRC": (0.883, 1630),
        "sexual content: AUPRC, ja": (0.75, 310),
        "decisions right: first, all, %": (0.893, 197),
    }


def test_a_page_with_targets() -> None:
    line = "| sexual content: AUPRC | 0.952 | ≥ 0.950 | met | 1630 |"
    assert read_page(f"## Headline\n\n{line}\n") == {"sexual content: AUPRC": (0.952, 1630)}


def test_the_curve_says_how_far_the_target_is() -> None:
    told = curve([Version("a1", "day", read_page(OLD)), Version("b2", "day", {})])
    assert "| sexual content: AUPRC | ≥ 0.950 | 0.883 | – |  |" in told
    told = curve([Version("a1", "day", read_page(OLD))])
    assert "| sexual content: AUPRC, ja | ≥ 0.900 | 0.750 | 0.150 |" in told
    assert "| decisions right: first, all, % | ≥ 97.0 | 89.3 | 7.7 |" in told


def test_it_goes_between_its_marks_again_and_again() -> None:
    page = f"a\n{BEGIN}\nold\n{END}\nb\n"
    once = placed(page, "| t |\n")
    assert once == f"a\n{BEGIN}\n\n| t |\n\n{END}\nb\n"
    assert placed(once, "| t |\n") == once
    with pytest.raises(ValueError, match="no marks"):
        placed("nothing", "| t |\n")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_versions_come_from_git(tmp_path: Path) -> None:
    def run(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)  # noqa: S607

    run("init", "-q")
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text(OLD)
    run("add", ".")
    run("commit", "-qm", "one")
    (tmp_path / PAGE).write_text("another")
    (tmp_path / FIGURES).write_text(json.dumps(NEW))
    run("add", ".")
    run("commit", "-qm", "two")
    first, second = versions(tmp_path)
    assert first.figures == read_page(OLD)
    assert second.figures == {"sexual content: AUPRC": (0.96, 9)}
    assert first.commit != second.commit
