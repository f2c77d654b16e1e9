from __future__ import annotations

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.figures import Absent, Figures

Tell = Callable[[str, Figures], Figures]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log is, and where its writers tell what was acknowledged."""

    url: str
    path: Path
    told: Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "log"
    folder.mkdir(mode=0o700)
    path = folder / "attempts.db"
    return Place(f"sqlite:///{path}", path, tmp_path / "told")


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Hands figures to the table at the end of the run."""

    def told(name: str, figures: Figures) -> Figures:
        numbers = (figures.rounds, figures.acknowledged, figures.lost, figures.duplicated)
        record_property("figures", [name, *numbers])
        return figures

    return told


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """What a machine lacks skips its test; what could be installed fails it where `CI` is set."""
    try:
        return (yield)
    except Absent as error:
        if error.package and os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
