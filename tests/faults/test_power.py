"""A power cut takes nothing that was acknowledged, nor the checkpoint beside the database."""

from __future__ import annotations

from pathlib import Path

from tests.faults import cuts
from tests.faults.conftest import Tell


def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path, tell: Tell) -> None:
    assert tell("power cut (ext4)", cuts.run(tmp_path, 3)).whole
