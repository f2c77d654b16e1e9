from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.log.support import ROOT, python

PAGE = (ROOT / "docs" / "log.md").read_text("utf-8")
LIBRARY = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", LIBRARY)
def test_the_example_runs(tmp_path: Path, code: str) -> None:
    example = python(f"import os; os.chdir({str(tmp_path)!r})\n{code}")
    out, errors = example.communicate()
    assert (example.returncode, errors) == (0, "")
    assert "StatsRow(" in out
    assert (tmp_path / "attempts.db.key").exists()


def test_there_is_an_example() -> None:
    assert LIBRARY
