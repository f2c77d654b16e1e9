"""Whichever call to the kernel fails, nothing is acknowledged that a restart does not find."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import pytest

from tests.faults.conftest import Tell
from tests.faults.injections import Effect, Point, one_of_each, points, run


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    return points(tmp_path_factory.mktemp("points"))


def test_what_a_log_does_on_its_disk(found: list[Point]) -> None:
    """The strikes below hit what they are meant for."""
    kinds = {(point.name, point.file) for point in found}
    assert {("fdatasync", "-wal"), ("pwrite64", "-wal"), ("pwrite64", "")} <= kinds
    assert {(name, ".checkpoint.new") for name in ("write", "fsync", "rename")} <= kinds
    assert {("fsync", "folder"), ("link", ".key.draft"), ("link", ".signing-key.draft")} <= kinds


def test_a_call_that_fails(found: list[Point], tmp_path: Path, tell: Tell) -> None:
    effects: list[Effect] = ["EIO", "ENOSPC"]
    strikes = list(zip(one_of_each(found), cycle(effects), strict=False))
    assert tell("EIO, ENOSPC (strace)", run(tmp_path, strikes)).whole


def test_a_call_that_is_the_last(found: list[Point], tmp_path: Path, tell: Tell) -> None:
    strikes: list[tuple[Point, Effect]] = [(point, "kill") for point in one_of_each(found)[::2]]
    assert tell("kill -9 in a call (strace)", run(tmp_path, strikes)).whole
