"""What is counted in every round: what was acknowledged, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = ("fault", "rounds", "acknowledged", "lost", "duplicated")


class Absent(Exception):
    """This machine lacks what a fault needs; the message says what.

    package: the Debian package that brings it; empty where nothing can be installed for it.
    """

    def __init__(self, message: str, package: str = "") -> None:
        super().__init__(message + (f": apt-get install {package}" if package else ""))
        self.package = package


@dataclass(frozen=True, slots=True)
class Figures:
    """acknowledged: entries and counts; lost: of these; duplicated: what is there twice."""

    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.rounds + other.rounds,
            self.acknowledged + other.acknowledged,
            self.lost + other.lost,
            self.duplicated + other.duplicated,
        )

    @property
    def whole(self) -> bool:
        """Nothing that was acknowledged is lost, nothing is there twice, and it was tried."""
        return self.acknowledged > 0 and self.lost == 0 and self.duplicated == 0


def table(named: Iterable[tuple[str, Figures]]) -> str:
    """One line a fault, and one for all of them."""
    rows = list(named)
    rows.append(("all", sum((figures for _, figures in rows), Figures())))
    lines = [f"{HEADER[0]:34}" + "".join(f"{name:>14}" for name in HEADER[1:])]
    for name, found in rows:
        numbers = (found.rounds, found.acknowledged, found.lost, found.duplicated)
        lines.append(f"{name:34}" + "".join(f"{number:>14,}" for number in numbers))
    return "\n".join(lines)
