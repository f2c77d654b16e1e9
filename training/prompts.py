"""The practice prompts of `written/` as rows of a tagger of names."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from guardrail.detect.persons.lexicon import COMMON, GIVEN, STOP, SURNAME, TITLE, latin_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from training.persons import Row

FOLDS = 5
_NAMED = ("public", "private")
_WORDS = 4
_LONG = 9
_UNSPACED = frozenset({"ja", "zh", "th"})
_DENSE = _UNSPACED | {"ko"}


def is_held(text: str) -> bool:
    """Whether a prompt belongs to the fifth that is not learnt from."""
    return crc32(text.encode()) % FOLDS == 0


def prompts(langs: Collection[str] = (), without: Collection[str] = ()) -> Iterator[Row]:
    """The rows of the languages, all of them if none is named, with the places of names in them.

    Prompts with characters are left out, those in which it is not clear what the name is, and a
    fifth by hash, which is kept for measuring.
    without: languages left out altogether.
    """
    for path in sorted(Path(__file__).with_name("written").glob("*.tsv")):
        lang = path.name.partition(".")[0]
        if (langs and lang not in langs) or lang in without:
            continue
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                text = row["text"]
                spans = None if is_held(text) else _spans(text, row["persons"], lang)
                if spans is not None:
                    yield {"text": text, "spans": spans, "lang": lang, "source": "written"}


def _spans(text: str, persons: str, lang: str) -> list[tuple[int, int]] | None:
    """Where names stand; none where the list says too little."""
    if persons == "-":
        return []
    spans: list[tuple[int, int]] = []
    done = 0
    for item in persons.split("; "):
        surface, _, what = item.rpartition("=")
        kind = what.partition("/")[0]
        start = text.find(surface, done)
        if start < 0 or kind == "fictional":
            return None
        done = start + len(surface)
        if kind in _NAMED and _is_name(surface, lang):
            spans.append((start, done))
        elif kind != "relational" or not _bare(surface, lang):
            return None
    return spans


def _is_name(surface: str, lang: str) -> bool:
    """Whether what is listed as a person is a name rather than a description."""
    if lang in _UNSPACED:
        return len(surface) <= _LONG
    words = surface.split()
    if len(words) > _WORDS:
        return False
    if words[0] != words[0].lower() and words[-1] != words[-1].lower():
        return True
    known = latin_words()
    return not any(known.get(word, 0) & (COMMON | TITLE | STOP) for word in words)


def _bare(surface: str, lang: str) -> bool:
    """Whether a reference ("my ex") surely holds no name."""
    known = latin_words()
    return (
        lang not in _DENSE
        and surface == surface.lower()
        and not any(known.get(word, 0) & (GIVEN | SURNAME) for word in surface.split())
    )
