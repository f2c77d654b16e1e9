"""Chinese, Japanese and Korean written backwards or parted, told by terms nobody writes so."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ahocorasick_rs import AhoCorasick

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.direction import is_turned, turned_parts
from guardrail.detect.disguise.vocabulary import dense, vocabulary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_HAN = "\u3005-\u3007\u3400-\u9fff"
_LETTER = f"\u3041-\u30ff{_HAN}"
_RUN = re.compile(f"[{_LETTER}]+|[\uac00-\ud7a3]+")
_DENSE = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_LONE = re.compile("[\ud800-\udfff]")
_SIGN = "\u2190-\u2bff\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
_PICTURE = f"[{_SIGN}][{_SIGN}\ufe0f\u200d]*"
_ANY = f"[{_LETTER}\uac00-\ud7a3]"
_PICTURED = re.compile(f"(?<={_ANY}){_PICTURE}(?={_ANY})")
_GAP = re.compile(f"(?<=[{_LETTER}])[ .\\-_*~|^+/'\u00b7\u2022](?=[{_LETTER}])")
_REVERSED, _PARTED = "reversed", "separators"


_FIRM = re.compile(
    f"[{_HAN}\u30a1-\u30fc]{{2,}}|[{_LETTER}]*[{_HAN}][{_LETTER}]{{2,}}|[\u3041-\u3096]{{4,}}"
    "|[\uac00-\ud7a3]{3,}|[^가이은는을를의에도로와과하만리기지자][\uac00-\ud7a3]"
)


@cache
def _terms() -> frozenset[str]:
    return frozenset(term for term in dense() if _DENSE.match(term))


@cache
def _backwards() -> AhoCorasick:
    turned = {term[::-1] for term in _terms() if term[::-1] != term and _FIRM.fullmatch(term)}
    return AhoCorasick(sorted(turned - _terms() - vocabulary().near))


@cache
def _forwards() -> AhoCorasick:
    return AhoCorasick(sorted(_terms()))


def is_dense_odd(text: str) -> bool:
    """A quick test that lets through all that `read_dense` would change."""
    if not _DENSE.search(text):
        return False
    if _turned(text) or is_turned(text):
        return True
    return bool(_PICTURED.search(text) or _GAP.search(text) or _LONE_SYLLABLES.search(text))


def has_term_across(left: str, right: str) -> bool:
    """Whether a telling term begins in one text and ends in the one behind it."""
    joint = len(left)
    found = _forwards().find_matches_as_indexes(_LONE.sub("\ufffd", left + right), overlapping=True)
    return any(start < joint < end for _, start, end in found)


def _turned(text: str) -> list[tuple[int, int, int]]:
    """Telling terms that stand backwards in a text: number, start and end."""
    return _backwards().find_matches_as_indexes(_LONE.sub("\ufffd", text))


def read_dense(text: str, *, parted: bool = False) -> Iterator[Change]:
    """What such a text reads: whole runs the right way round, or single terms; signs left out.

    parted: whether letters are known to be parted in it.
    """
    if not _DENSE.search(text):
        return
    yield from _unparted(text)
    if parted:
        for gap in _BESIDE_LONE.finditer(text):
            yield Change(*gap.span(), "", _PARTED)
    yield from _lone_syllables(text)
    found = _turned(text)
    if not found and not is_turned(text):
        return
    last = -1
    parts = [
        part
        for part in turned_parts(text, [(start, end) for _, start, end in found])
        if part.gain >= _BEYOND_DOUBT or any(s < part.end and part.start < e for _, s, e in found)
    ]
    for part in parts:
        yield Change(part.start, part.end, text[part.start : part.end][::-1], _REVERSED)
    for _, start, end in found:
        if start >= last and not any(p.start < end and start < p.end for p in parts):
            low, high = _run_around(text, max(start, last), end)
            low = max(low, last)
            yield Change(low, high, _both(text, low, start, end, high), _REVERSED)
            last = high


_BEYOND_DOUBT = 21.0


_BESIDE_LONE = re.compile(
    f"(?<=[{_LETTER}])(?:[.\\-_*~|^+/'\u00b7\u2022]|[ ](?=[\u3041-\u3096])"
    f"|(?<![{_LETTER}]{{2}})[ ]|[ ](?=[{_LETTER}](?![{_LETTER}])))(?=[{_LETTER}])"
)
_LONE_SYLLABLES = re.compile(
    "(?<![\uac00-\ud7a3])(?:[\uac00-\ud7a3] ){3,}[\uac00-\ud7a3](?![\uac00-\ud7a3])"
)
_MANY = 11  # letters and spaces of syllables that nobody writes so by chance


def _lone_syllables(text: str) -> Iterator[Change]:
    """Korean written syllable by syllable: many of them, or a telling term."""
    for match in _LONE_SYLLABLES.finditer(text):
        joined = match[0].replace(" ", "")
        if len(match[0]) >= _MANY or _forwards().find_matches_as_indexes(joined):
            yield Change(*match.span(), joined, _PARTED)


def _both(text: str, low: int, start: int, end: int, high: int) -> str:
    """A run with one term in it turned round, and turned round as a whole."""
    one = text[low:start] + text[start:end][::-1] + text[end:high]
    whole = text[low:high][::-1]
    return one if one == whole else f"{one} {whole}"


def _run_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The letters around a range, `_REACH` of them at most on each side."""
    low, high = max(0, start - _REACH), min(len(text), end + _REACH)
    before = re.search(f"{_ANY}*\\Z", text[low:start])
    after = re.match(f"{_ANY}*", text[end:high])
    return start - len(before[0] if before else ""), end + len(after[0] if after else "")


_REACH = 40


def _unparted(text: str) -> Iterator[Change]:
    """Pictures between letters, and signs between the letters of a telling term."""
    for match in _PICTURED.finditer(text):
        yield Change(*match.span(), "", _PARTED)
    gaps = [match.start() for match in _GAP.finditer(text)]
    if not gaps:
        return
    plain = _LONE.sub("\ufffd", _GAP.sub("", text))
    places = {at - number: at for number, at in enumerate(gaps)}
    for _, start, end in _forwards().find_matches_as_indexes(plain, overlapping=True):
        inner = range(start + 1, end)
        if all(at in places for at in inner) and _is_apart(plain, places, start, end):
            for at in inner:
                yield Change(places[at], places[at] + 1, "", _PARTED)


def _is_apart(plain: str, places: Collection[int], start: int, end: int) -> bool:
    """Whether the letters around a parted term are no part of the words it was cut from."""
    before, after = plain[start - 1 : start], plain[end : end + 1]
    return (start in places or not _CHINESE.match(before)) and (
        end in places or not _CHINESE.match(after)
    )


_CHINESE = re.compile(f"[{_HAN}]")
