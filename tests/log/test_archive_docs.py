from __future__ import annotations

import re
from pathlib import Path

import duckdb

from tests.log.archived import fill, write
from tests.log.support import ROOT, python

PAGE = (ROOT / "docs" / "archive.md").read_text("utf-8")
(LIBRARY,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(LEAF,) = re.findall(r"`(sha256\(.*\))`", PAGE)


def test_the_example_runs(tmp_path: Path) -> None:
    fill(f"sqlite:///{tmp_path}/attempts.db")
    set_up = f"import os; os.chdir({str(tmp_path)!r}); os.environ['XDG_CACHE_HOME'] = os.getcwd()"
    example = python(f"{set_up}\n{LIBRARY}")
    out, errors = example.communicate()
    assert (example.returncode, errors) == (0, "")
    assert out.startswith("2026-01 1 ")
    assert "\nTrue\n" in out
    assert "real_person_sexual" in out
    assert "AttemptRow(id=" in out


def test_duckdb_gives_leaf_hashes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/attempts.db"
    fill(url, 60)
    write(url, tmp_path)
    with duckdb.connect() as connection:
        month = connection.read_parquet(f"{tmp_path}/2026-01.parquet")
        found = month.project(LEAF).fetchall()
    leaves = (tmp_path / "2026-01.leaves").read_bytes()
    assert b"".join(bytes.fromhex(leaf) for (leaf,) in found) == leaves
