"""A disk that takes nothing stops every call, says so, and costs nothing that was acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import outages
from tests.faults.conftest import Tell
from tests.faults.figures import Figures

CASES = {
    "full disk (tmpfs)": outages.full_tmpfs,
    "full disk (ext4)": outages.full_ext4,
    "disk made read-only (ext4)": outages.readonly,
}


@pytest.mark.parametrize(("name", "happens"), CASES.items(), ids=["tmpfs", "ext4", "readonly"])
def test_a_disk_that_takes_nothing(
    name: str, happens: Callable[[Path], Figures], tmp_path: Path, tell: Tell
) -> None:
    assert tell(name, happens(tmp_path)).whole
