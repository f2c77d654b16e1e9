"""A bit that turns over anywhere in a log: no entry says something else without being found out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.flips import (
    CHECKPOINT,
    DATABASE,
    WAL,
    Outcome,
    every,
    make,
    make_in_use,
    outcomes,
    sample,
)

ATTEMPTS = 24


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flips") / "log"
    make(folder, ATTEMPTS)
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where copies are made: in memory, if there is a place for it."""
    memory = Path("/dev/shm")  # noqa: S108
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder) / "copy"


def _judged(found: list[Outcome]) -> Counter[tuple[bool, bool]]:
    assert [outcome.flip for outcome in found if outcome.unseen] == []
    assert [outcome for outcome in found if outcome.surprises] == []
    return Counter((outcome.changed, outcome.caught) for outcome in found)


@pytest.mark.parametrize("seed", range(2))
def test_a_bit_of_the_database(log: Path, scratch: Path, seed: int) -> None:
    """Every page is hit; what is free space, or does not change what is read, may pass."""
    flips = sample(log, DATABASE, 120, seed)
    numbers = _judged(list(outcomes(log, scratch, flips)))
    assert numbers[True, True] > 20


def test_a_bit_of_the_write_ahead_log(tmp_path: Path, scratch: Path) -> None:
    folder = tmp_path / "log"
    make_in_use(folder, tmp_path / "draft", ATTEMPTS)
    flips = sample(folder, WAL, 60)
    numbers = _judged(list(outcomes(folder, scratch, flips)))
    assert numbers[True, True] > 40


def test_a_bit_of_the_checkpoint_beside(log: Path, scratch: Path) -> None:
    """Any at all: it is signed as a whole."""
    flips = [flip for flip in every(log, CHECKPOINT) if flip.place % 4 == 0]
    found = list(outcomes(log, scratch, iter(flips)))
    _judged(found)
    assert [outcome.flip for outcome in found if not outcome.caught] == []
