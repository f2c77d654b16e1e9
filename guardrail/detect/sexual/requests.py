"""Whether a text asks for something to be made, told or shown, read from `data/requests.yaml`."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

PACKAGE = "guardrail.detect.sexual"

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Asked: TypeAlias = Literal["itself", "account", "nothing"]
"""What is asked for: the sexual thing itself, a text that speaks about it, or neither."""

_QUOTED = re.compile(
    "\u201c[^\u201c\u201d]*\u201d|\u300c[^\u300c\u300d]*\u300d|\u300e[^\u300e\u300f]*\u300f"
    '|"[^"]*"|\u00ab[^\u00ab\u00bb]*\u00bb|\u201e[^\u201e\u201c]*\u201c'
)


@dataclass(frozen=True, slots=True)
class Requests:
    """The patterns of `data/requests.yaml`; the file explains them.

    first, last: for any text, and for those that are not all ASCII.
    reach: how much of an object is looked at, code points.
    """

    first: tuple[re.Pattern[str], ...]
    last: tuple[re.Pattern[str], ...]
    always: re.Pattern[str]
    objects: re.Pattern[str]
    stops: re.Pattern[str]
    tones: re.Pattern[str]
    draws: re.Pattern[str]
    tells: re.Pattern[str]
    visual: re.Pattern[str]
    bare: re.Pattern[str]
    dresses: re.Pattern[str]
    reach: int

    def asked_in(self, text: str, terms: Sequence[int]) -> Asked:
        """What a folded text asks for: the sexual thing itself, a text about it, or neither.

        terms: where sexual terms start, in order.
        """
        if self.always.search(text):
            return "itself"
        asked: Asked = "nothing"
        for wanted in self._wanted(text, terms):
            if wanted == "itself":
                return wanted
            asked = "account" if wanted == "account" else asked
        return asked

    def pictured_in(self, text: str) -> bool:
        """Whether a folded text asks for a picture or a film, or describes one to be made."""
        return (
            bool(self.bare.search(text))
            or bool(self.dresses.search(text) and not self.tells.search(text))
            or any(
                self.draws.search(verb)
                or (not self.tells.search(verb) and self._is_visual(said, last))
                for verb, said, last in self._said(text)
            )
        )

    def _said(self, text: str) -> Iterator[tuple[str, str, bool]]:
        """The verb of each request, its object, and whether the verb stands after it."""
        scripts = 1 if text.isascii() else 2
        for pattern in self.first[:scripts]:
            for found in pattern.finditer(text):
                yield found[0], text[found.end() : self._until(text, found.end())], False
        for pattern in self.last[:scripts]:
            for found in pattern.finditer(text):
                start = self._since(text, found.start())
                yield found[0], text[start : found.end()], True

    def _is_visual(self, said: str, last: bool) -> bool:
        """Whether the noun nearest to the verb is of a picture, and not of a text about one."""
        objects = [found[0] for found in self.objects.finditer(said)]
        nearest = objects[-1 if last else 0] if objects else ""
        return bool(self.visual.search(nearest))

    def _wanted(self, text: str, terms: Sequence[int]) -> Iterator[Asked]:
        scripts = 1 if text.isascii() else 2
        for pattern in self.first[:scripts]:
            for found in pattern.finditer(text):
                yield self._follows(text, found.end(), terms)
        for pattern in self.last[:scripts]:
            for found in pattern.finditer(text):
                yield self._precedes(text, found.start(), terms)

    def _follows(self, text: str, start: int, terms: Sequence[int]) -> Asked:
        """What the object from `start` is."""
        until = self._until(text, start)
        if self.tones.match(text[start:until]):
            return "account"
        found = self.objects.search(text, start, until)
        if found is None:
            return _vague(text, start, until, terms)
        return _kind(found, _between(terms, start, found.start()))

    def _precedes(self, text: str, end: int, terms: Sequence[int]) -> Asked:
        """What the object up to `end` is."""
        start = self._since(text, end)
        objects = list(self.objects.finditer(text, start, end))
        if not objects:
            return _vague(text, start, end, terms)
        return _kind(objects[-1], _between(terms, objects[-1].end(), end))

    def _until(self, text: str, start: int) -> int:
        end = self.stops.search(text, start, start + self.reach)
        return end.start() if end else start + self.reach

    def _since(self, text: str, end: int) -> int:
        start = max(0, end - self.reach)
        for stop in self.stops.finditer(text, start, end):
            start = stop.end()
        return start


def _kind(found: re.Match[str], sexual: bool) -> Asked:
    return "account" if found["document"] and not sexual else "itself"


def _vague(text: str, start: int, end: int, terms: Sequence[int]) -> Asked:
    """An object that says nothing sexual is none; an empty one means what was said before."""
    said = text[start:end].strip() and not _between(terms, start, end)
    return "nothing" if said else "itself"


def without_quotes(text: str) -> str:
    """The text with what stands between quotation marks blanked out; no position moves."""
    return _QUOTED.sub(lambda found: " " * len(found[0]), text)


def _between(places: Sequence[int], start: int, end: int) -> bool:
    at = bisect_left(places, start)
    return at < len(places) and places[at] < end


@cache
def load_requests() -> Requests:
    """The shipped patterns."""
    import yaml

    text = files(PACKAGE).joinpath("data/requests.yaml").read_text("utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    return Requests(
        first=(_any(raw["first"]["latin"]), _any(raw["first"]["other"])),
        last=(_any(raw["last"]["latin"]), _any(raw["last"]["other"])),
        always=_any(raw["always"]),
        objects=re.compile(f"(?P<picture>{raw['pictures']})|(?P<document>{raw['documents']})"),
        stops=re.compile(raw["stops"]),
        tones=re.compile(raw["tones"]),
        draws=re.compile(raw["draws"]),
        tells=re.compile(raw["tells"]),
        visual=re.compile(raw["visual"]),
        bare=re.compile(raw["bare"]),
        dresses=re.compile(raw["dresses"]),
        reach=raw["reach"],
    )


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
