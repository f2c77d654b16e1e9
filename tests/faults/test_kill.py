"""Processes that are killed while they write lose nothing that they acknowledged."""

from __future__ import annotations

from tests.faults import kills
from tests.faults.conftest import Place, Tell


def test_killed_writers_lose_nothing_and_repeat_nothing(place: Place, tell: Tell) -> None:
    figures = tell("kill -9 of writers", kills.run(place.url, place.told, 4))
    assert figures.whole
