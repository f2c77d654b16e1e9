from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from guardrail.chain.faults import FaultKind

PAGE = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text("utf-8")


def test_the_example_prints_what_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert f"It prints `{done.stdout.strip()}`" in PAGE


def test_every_fault_is_in_the_table() -> None:
    for kind in FaultKind:
        assert f"`{kind}`" in PAGE
