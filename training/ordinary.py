"""Ordinary Chinese, Japanese and Korean words in requests, and names in the same places."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from training.foreign import lines_of
from training.synthetic import terms

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from training.persons import Row

FRAMES = Path(__file__).with_name("frames_cjk.tsv")
FRAMED, NAMED, ALONE = 5000, 3000, 1500
"""How many requests with a word (half as many as words at most), with a name, and names alone."""
_HAN = re.compile("[\u3400-\u9fff]+")


def vocabulary(lang: str) -> list[str]:
    """Words and phrases of a language; in Chinese also Japanese words in characters."""
    found = lines_of(lang)
    for tier in terms().get(lang, {}).values():
        found += sorted(set(tier))
    if lang == "zh":
        found += [word for word in lines_of("ja") if _HAN.fullmatch(word)]
    return found


def rows(
    lang: str, words: Sequence[str], name: Callable[[], str], draw: random.Random
) -> Iterator[Row]:
    """Rows without names and rows with them.

    words: each comes alone, and some in requests. name: draws a name.
    """
    frames = [line.partition("\t")[2] for line in _frames() if line.startswith(lang)]
    for word in words:
        yield _row(word, [])
    for _ in range(min(FRAMED, len(words) // 2)):
        yield _row(draw.choice(frames).replace("{}", draw.choice(words)), [])
    for number in range(NAMED + ALONE):
        frame = draw.choice(frames) if number < NAMED else "{}"
        put = name()
        start = frame.index("{}")
        yield _row(frame.replace("{}", put), [(start, start + len(put))])


def _frames() -> list[str]:
    lines = FRAMES.read_text("utf-8").split("\n")
    return [line for line in lines if line and line[0] != "#"]


def _row(text: str, spans: list[tuple[int, int]]) -> Row:
    return {"text": text, "spans": spans, "lang": "", "source": "vocabulary"}
