"""Chinese names and places for training, most of them from a segmenter's dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import entries
from guardrail.detect.persons.segmentation import simplified
from training.hanzi import ordinary

if TYPE_CHECKING:
    import random

PLACE_ENDS = Path(__file__).with_name("place_ends_zh.txt")
_FUNCTION = frozenset("的了是在我你他她们这那就都和对说不也很与或从到被把给让使得着过之其见")
_ORDINARY = frozenset("nvadibm")
_SIZES = (2, 3, 4)


class NamesZh:
    """Draws Chinese names, most of them from a segmenter's dictionary (jieba's `dict.txt`)."""

    def __init__(self, dictionary: Path, draw: random.Random) -> None:
        self._draw = draw
        table = simplified()
        lists = entries("cjk.tsv")
        single = {s.translate(table) for k in ("zh_surname_main", "zh_surname") for s in lists[k]}
        double = {s.translate(table) for s in lists["zh_double"]}
        self._main = sorted({s.translate(table) for s in lists["zh_surname_main"]})
        self._full: list[str] = []
        self._given: list[str] = []
        self._foreign: list[str] = []
        self._places: list[str] = []
        often: list[tuple[int, str, bool]] = []
        own = {word.translate(table) for _, word in ordinary()}
        self._ends = PLACE_ENDS.read_text(encoding="utf-8").split()
        with dictionary.open(encoding="utf-8") as lines:
            for word, count, sort in map(str.split, lines):
                kind = "n" if word in own else sort
                if kind == "nrt" and 2 <= len(word) <= 6:  # noqa: PLR2004
                    self._foreign.append(word)
                if kind == "ns" and 2 <= len(word) <= 6:  # noqa: PLR2004
                    self._places.append(word)
                if _plain(kind) and len(word) in _SIZES:
                    often.append((-int(count), word, kind == "ns"))
                size = 2 if word[:2] in double else 1
                given = word[size:]
                if (
                    kind in {"nr", "nrfg"}
                    and (word[:size] in single or size == 2)  # noqa: PLR2004
                    and 1 <= len(given) <= 2  # noqa: PLR2004
                    and _FUNCTION.isdisjoint(given)
                    and not (len(given) == 1 and int(count) > 1000)  # noqa: PLR2004
                ):
                    self._full.append(word)
                    self._given.append(given)
        self._words = [word for _, word, place in sorted(often) if not place]
        self._known = [word for _, word, place in sorted(often) if place]

    def any(self) -> str:
        """A name of any make."""
        draw = self._draw.random()
        if draw < 0.55:  # noqa: PLR2004
            return self._draw.choice(self._full)
        if draw < 0.75:  # noqa: PLR2004
            return self._draw.choice(self._main) + self._draw.choice(self._given)
        if draw < 0.9:  # noqa: PLR2004
            return self.foreign()
        two = [g for g in (self._draw.choice(self._given) for _ in range(8)) if len(g) > 1]
        given = two[0] if two else "丽丽"
        return self._draw.choice((given, "小" + given[-1], "阿" + given[-1], given[-1] * 2,
                                  "老" + self._draw.choice(self._main)))  # fmt: skip

    def foreign(self) -> str:
        """A foreign name spelled in characters."""
        names = [
            self._draw.choice(self._foreign) for _ in range(self._draw.choice((1, 1, 2, 2, 3)))
        ]
        return "·".join(names[:2]) if len(names) < 3 else "·".join(names)  # noqa: PLR2004

    def words(self, count: int) -> list[str]:
        """The commonest ordinary words, a sixth as many common places and as many drawn."""
        return (
            self._words[:count]
            + self._known[: count // 6]
            + [self._draw.choice(self._places) for _ in range(count // 6)]
        )

    def place(self) -> str:
        """A place, which is no name."""
        name = self._draw.choice(self._places)
        return name + self._draw.choice(self._ends) if self._draw.random() < 0.3 else name  # noqa: PLR2004

    def nonsense(self) -> str:
        """A foreign word that is no name: put where only places stand."""
        name = self._draw.choice(self._foreign)
        return name + self._draw.choice(self._ends)

    def surname(self) -> str:
        """A surname."""
        return self._draw.choice(self._main)


def _plain(kind: str) -> bool:
    return kind[0] in _ORDINARY and not kind.startswith("nr")
