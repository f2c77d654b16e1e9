"""Which way round a word is written, told by the runs of letters in it."""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate, repeat
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ahocorasick_rs import AhoCorasick

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DENSE = "\u3041-\u3096\u30a1-\u30fa\u30fc\u3005\u3400-\u9fff"
_WORD = re.compile(f"[{_DENSE}]+|[\uac00-\ud7a3]+|[^\\W\\d_{_DENSE}\uac00-\ud7a3]+")
_IS_DENSE = re.compile(f"[{_DENSE}\uac00-\ud7a3]").match
_START, _END = "^", "$"
_LONE = re.compile("[\ud800-\udfff]")
_ODD, _STRONG, _LONGEST = 2, 25, 60
_SURE, _LIKELY, _GAIN, _TELLING, _ALL = 6.0, 3.0, 10.0, 4.0, 99.0
_SWAPPED = {code + 0x60: code for code in range(0x3041, 0x3097)}
_SWAPPED |= {code: code + 0x60 for code in range(0x3041, 0x3097)}
_EDGES = str.maketrans("^$", "$^")


def words(text: str) -> list[str]:
    """The words of a folded text; where words are not spaced, the runs of letters."""
    return _WORD.findall(text)


def is_dense(word: str) -> bool:
    """Whether a word is Chinese, Japanese or Korean."""
    return _IS_DENSE(word) is not None


def runs(word: str) -> list[str]:
    """The runs of letters of a word that are looked at: two where letters are dense, else three."""
    edged = f"{_START}{word}{_END}"
    if is_dense(word):
        return list(map(add, edged, edged[1:]))
    return list(map("".join, zip(edged, edged[1:], edged[2:], strict=False)))


def turned(run: str) -> str:
    """A run of letters the other way round."""
    return run[::-1].translate(_EDGES)


@cache
def _weights() -> dict[str, int]:
    """Run of letters -> how much it speaks for the word being written as it is; tenths."""
    found: dict[str, int] = {}
    page = Path(__file__).with_name("direction.tsv").read_text("utf-8")
    for line in page.splitlines():
        if line[0] != "#":
            weight, listed = line.split("\t")
            for run in listed.split(" "):
                found[run] = int(weight)
                found.setdefault(turned(run), -int(weight))
    return found


def forwardness(word: str) -> float:
    """How much a folded word looks written as it is (above 0) or backwards (below), log-odds."""
    return sum(map(_weights().get, runs(word), repeat(0))) / 10


def is_turned(text: str) -> bool:
    """A quick test that lets through all Chinese, Japanese or Korean that `turned_parts` turns."""
    hits = _odd().find_matches_as_indexes(_LONE.sub("\ufffd", text), overlapping=True)
    return len(hits) >= _ODD


class Part(NamedTuple):
    """A half-open range of a text that stands backwards, and how much more usual it is turned."""

    start: int
    end: int
    gain: float


def turned_parts(text: str, telling: Sequence[tuple[int, int]]) -> Iterator[Part]:
    """The Chinese, Japanese or Korean that stands backwards: all of a text, or parts of it.

    telling: half-open ranges of telling terms that stand backwards.
    """
    found = [m for m in _WORD.finditer(text) if is_dense(m[0])]
    weights = [_either(m[0]) for m in found]
    whole = sum(weights) <= -(_LIKELY if telling else _SURE)
    for match, weight in zip(found, weights, strict=True):
        start, end = match.span()
        if whole and weight <= 0:
            yield Part(start, end, _ALL)
            continue
        inside = [(a - start, b - start) for a, b in telling if start <= a and b <= end]
        if part := _part(match[0], inside):
            yield Part(start + part.start, start + part.end, part.gain)


def _either(run: str) -> float:
    """How much a run looks written as it is; nothing where its kana are those of the other kind."""
    weight = forwardness(run)
    return weight if weight >= 0 or forwardness(run.translate(_SWAPPED)) < _LIKELY else 0.0


@cache
def _odd() -> AhoCorasick:
    """Pairs of letters that hardly stand so."""
    weights = _weights().items()
    return AhoCorasick(sorted(r for r, w in weights if w <= -_STRONG and is_dense(r)))


def _part(run: str, telling: Sequence[tuple[int, int]]) -> Part | None:
    """The part of a run that turned round makes it most like writing, if by enough."""
    run, telling = run[:_LONGEST], [place for place in telling if place[1] <= _LONGEST]
    weights, edged = _weights(), f"{_START}{run}{_END}"
    sums = list(accumulate(weights.get(edged[i : i + 2], 0) for i in range(len(run) + 1)))
    best: Part | None = None
    for start in range(len(run) - 1):
        for end in range(start + 2, len(run) + 1):
            inner = sums[end - 1] - sums[start]
            whole = sum(start <= a and b <= end for a, b in telling)
            if inner <= -_STRONG or whole:
                left, right = edged[start], edged[end + 1]
                old = weights.get(left + run[start], 0) + weights.get(run[end - 1] + right, 0)
                new = weights.get(left + run[end - 1], 0) + weights.get(run[start] + right, 0)
                gain = (new - old - 2 * inner) / 10 + _TELLING * whole
                if gain >= (best.gain if best else _GAIN):
                    best = Part(start, end, gain)
    return best
