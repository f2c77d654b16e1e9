"""The disguises a skeleton undoes: where each stands in a text and what it reads as."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from statistics import mode
from typing import TYPE_CHECKING, NamedTuple

from guardrail.text.skeleton import LEET_SIGN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from guardrail.text.views import View

_LETTER = "a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u052f\u1e00-\u1eff"
_HIRA = "\u3041-\u3096"
_KATA_HAN = "\u30a1-\u30fa\u30fc\u3005\u3400-\u9fff"
_CJK = _HIRA + _KATA_HAN
_ORNAMENT = "*\u00b7\u2022\u30fb~\u2219\u22c5\u2606\u2605\u2661\u2665\u25cb\u25cf\u25ef"
_POINT = f"[.\\-_|/\\\\^+\u2010-\u2015\u2212\u2026{_ORNAMENT}]"
_GAP = f'(?: ?{_POINT}{{1,3}} ?|[ \t]{{1,4}}|[,:;"])'
_LONE = f"[{_LETTER}0134578@$]"
_EDGE = f"{_LETTER}0-9@$'\u2019"

_LATIN_RUN = re.compile(f"(?<![{_EDGE}])(?:{_LONE}{_GAP}){{2,}}{_LONE}(?![{_EDGE}])")
_CJK_RUN = re.compile(
    f"(?:(?<![{_CJK}])|(?<=[{_HIRA}])(?=[{_KATA_HAN}]))(?:[{_CJK}]{_GAP})+"
    f"(?:[{_KATA_HAN}](?![{_KATA_HAN}])|[{_HIRA}](?![{_CJK}]))"
)
_HANGUL_RUN = re.compile(
    f"(?<![\uac00-\ud7a3])(?:[\uac00-\ud7a3]{_POINT}){{2,}}[\uac00-\ud7a3](?![\uac00-\ud7a3])"
)
_STEP = re.compile(f"([^\\W_]|[@$])({_GAP}|$)")
_PAIR = re.compile(f".[.\\-_{_ORNAMENT}].")
_SPLIT_WORD = re.compile(
    "(?<![a-z0-9@/:#\\\\._\\-'\u2019])[a-z]{1,4}(?P<sep>[.\\-_^*\u00b7\u2022\u2219\u22c5])[a-z]{1,4}"
    "(?:(?P=sep)[a-z]{1,4})*(?![a-z0-9@/:'\u2019]|[._\\-][a-z0-9])"
)
_COUNT = re.compile(r"[a-z]\d[a-z]|\d[a-z]{2}")  # "a 3 d render"
_INITIALS = re.compile(r"\.? ?[A-Z][a-z]")

_LEET = str.maketrans("0345789@$€£¢¥!", "oeastbgaselcyi")
_TOKEN_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789@$€£¢¥!")
_AFTER_TOKEN = re.compile(r"[^a-z0-9@$€£¢¥!]")
_INSIDE = re.compile(
    r"(?<=[a-z])(?:[01345@$€£¢¥]|(\d)\1|[01345]{2}|(?<=[a-z]{2}.)[789]|[789](?=[a-z]{2}))(?=[a-z])"
)
_WEAK = re.compile(
    r"[0345789$€£¢][a-z]{2,}\Z|@(?:[a-z]{2,4}|ss[a-z]+)\Z|[a-z]{3,}[0345@$]\Z|[a-z]+!+[a-z]+\Z"
)
_ADDRESS = re.compile(r"[a-z0-9]{3,}@[a-z0-9]{3,}\Z")
_COUNTED = re.compile(r"\d+([a-z]+)\Z")
_ONE_AS_L = re.compile(r"1(?=[aeiou])|(?<=[aeiou])1\Z|(?<=[a-z])1\Z")
_NUMBERED = re.compile(r"v\d|[a-z]\d+(?:i{2,3}|iv)\Z|.*\d{3}|.*[269]")

_REPEATING = re.compile(r"(?<![a-z0-9])[a-z]{4,400}(?![a-z0-9])")
_REPEAT = re.compile(r"([a-z])\1{2,}")
_DOUBLED = frozenset("bcdefglmnoprstz")
# Roman numerals, and German compounds such as Schifffahrt.
_ORDINARY_REPEAT = re.compile(
    r"[ivxlcdm]+\Z|(?=[a-z]{9})[a-z]{3,}?([fklmnprst])\1\1(?!\1)(?![a-z]*([a-z])\2\2)[a-z]{3,}\Z"
)
_NUMERAL = re.compile(r"[ivxlcdm]+\Z")
_ACCENTED = re.compile("(?<![^\\W_])[\u00e0-\u00f6\u00f8-\u024f\u1e00-\u1eff]{4,}(?![^\\W_])")
_BARE = str.maketrans("øđłħŧıßðþœæŋƒ", "odlhtisdpoanf")  # fmt: skip

_STOPS = frozenset((". ", "... ", "\u2026 "))
_FULL_STOP = 4
_MIN_RUN = 3
_MIN_FOREIGN_RUN = 4
_MIN_JOINED = 3
_MIN_SHORT = 4
_SHORT_PIECE = 2
_MAX_TOKEN = 40


def _read() -> dict[str, frozenset[str]]:
    words: dict[str, set[str]] = {}
    for line in Path(__file__).with_name("ordinary.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, word = line.split("\t")
            words.setdefault(kind, set()).add(word)
    return {kind: frozenset(found) for kind, found in words.items()}


_ORDINARY = _read()


class Disguise(NamedTuple):
    """A disguised place: half-open range of the view, reading, and whether it is surely one."""

    start: int
    end: int
    reading: str
    sure: bool


def accents(view: View) -> Iterator[Disguise]:
    """Words in which every letter carries an accent, as no language writes them."""
    for match in () if view.text.isascii() else _ACCENTED.finditer(view.text):
        letters = (unicodedata.normalize("NFD", c)[0] for c in match[0])
        yield Disguise(*match.span(), "".join(letters).translate(_BARE), sure=True)


def gaps(view: View) -> Iterator[Disguise]:
    """Words written letter by letter, or cut into pieces of a few letters."""
    for match in _LATIN_RUN.finditer(view.text):
        yield from _latin_run(view, *match.span())
    if not view.text.isascii():
        yield from _east_asian_runs(view)
    for match in _SPLIT_WORD.finditer(view.text):
        yield from _split_word(view, match)


def _east_asian_runs(view: View) -> Iterator[Disguise]:
    for match in _CJK_RUN.finditer(view.text):
        lone = _STEP.findall(match[0])
        if len(lone) >= _MIN_RUN or _PAIR.fullmatch(match[0]):
            yield Disguise(*match.span(), "".join(c for c, _ in lone), sure=True)
    for match in _HANGUL_RUN.finditer(view.text):
        yield Disguise(*match.span(), "".join(c for c, _ in _STEP.findall(match[0])), sure=True)


def _latin_run(view: View, start: int, end: int) -> Iterator[Disguise]:
    """The words of one run of single letters, parted at its wider gaps."""
    words: list[list[re.Match[str]]] = [[]]
    steps = list(_STEP.finditer(view.text, start, end))
    narrow = mode(_width(step[2]) for step in steps[:-1])
    for step in steps:
        words[-1].append(step)
        if step[2] and _width(step[2]) > narrow:
            words.append([])
    spelled = False
    short: list[Disguise] = []
    for word in words:
        letters = "".join(step[1] for step in word)
        low, high = word[0].start(), word[-1].end(1)
        spaced = narrow >= _width(" ")
        if _is_spelled(letters) and not (spaced and _COUNT.fullmatch(letters)):
            spelled = True
            reading = _readings(letters) if spaced else letters
            yield Disguise(low, high, reading, not _are_initials(view, low, high))
        elif len(letters) == _SHORT_PIECE and letters.isalpha():
            short.append(Disguise(low, high, letters, sure=False))
    if spelled:
        yield from short


def _width(gap: str) -> int:
    """How much a gap parts: a point, a point in spaces, one space, several, a full stop."""
    if gap.isspace():
        return 2 + (len(gap) > 1)
    return _FULL_STOP if gap in _STOPS else int(" " in gap)


def _is_spelled(letters: str) -> bool:
    count = sum(map(str.isalpha, letters))
    least = _MIN_FOREIGN_RUN if "\u0370" <= letters[0] <= "\u052f" else _MIN_RUN
    return (
        len(letters) >= least
        and count > len(letters) - count
        and count >= _SHORT_PIECE
        and letters not in _ORDINARY["joined"]
    )


def _readings(letters: str) -> str:
    """A spaced-out word, and again without an article it may have swallowed."""
    found = [letters]
    if len(letters) > _MIN_RUN:
        found += [letters[1:]] * (letters[0] in "ai") + [letters[:-1]] * (letters[-1] in "ai")
    return " ".join(found)


def _are_initials(view: View, start: int, end: int) -> bool:
    """Whether capitals with full stops stand before a surname, as in J. R. R. Tolkien."""
    raw, (low, high) = view.raw, view.span(start, end)
    return "." in raw[low:high] and raw[low:high].isupper() and bool(_INITIALS.match(raw, high))


def _split_word(view: View, match: re.Match[str]) -> Iterator[Disguise]:
    sep, pieces = match["sep"], match[0].split(match["sep"])
    joined = "".join(pieces)
    if joined in _ORDINARY["joined"] or len(joined) < _MIN_JOINED or len(joined) == len(pieces):
        return
    long = max(map(len, pieces)) > _SHORT_PIECE
    if sep in "-_" and (long or len(joined) < _MIN_SHORT):
        return
    if sep == "." and (pieces[0] in _ORDINARY["before"] or pieces[-1] in _ORDINARY["after"]):
        return
    if sep == "." and _starts_sentence(view, match.start() + len(pieces[0]) + 1):
        return
    yield Disguise(*match.span(), joined, sep != "." or min(map(len, pieces)) <= _SHORT_PIECE)


def _starts_sentence(view: View, at: int) -> bool:
    low, high = view.span(at, at + 1)
    return view.raw[low:high].isupper()


def leet(view: View) -> Iterator[Disguise]:
    """Digits and signs that stand for letters."""
    text = view.text
    for start, end in _tokens(text):
        token = text[start:end]
        if _is_ordinary(text, start, token):
            continue
        sure = _is_leet(token)
        if sure or _WEAK.match(token):
            reading = _ONE_AS_L.sub("l", token.translate(_LEET)).replace("1", "i")
            yield Disguise(start, end, reading, sure and token[0] != "@")


def _tokens(text: str) -> Iterator[tuple[int, int]]:
    """The words of moderate length that have a digit or sign beside a letter."""
    end = 0
    for sign in LEET_SIGN.finditer(text):
        if sign.start() < end:
            continue
        low = max(end, sign.start() - _MAX_TOKEN)
        start = sign.start()
        while start > low and text[start - 1] in _TOKEN_CHARACTERS:
            start -= 1
        after = _AFTER_TOKEN.search(text, sign.start())
        end = last = after.start() if after else len(text)
        while start < last and text[start] == "!":
            start += 1
        while last > start and text[last - 1] == "!":
            last -= 1
        if _MIN_RUN <= last - start <= _MAX_TOKEN:
            yield start, last


def _is_ordinary(text: str, start: int, token: str) -> bool:
    """Numbers with units, model names, addresses, paths and codes."""
    end = start + len(token)
    counted = _COUNTED.match(token)
    return bool(
        text[max(start - 1, 0) : start] in set("/\\#.=_:&?%")
        or text[end : end + 1] in set("/\\=_%:@")
        or (
            "@" in token[1:]
            and text[end : end + 1] in set(".-")
            and text[end + 1 : end + 2].isalnum()
        )
        or _ADDRESS.match(token)
        or token in _ORDINARY["alphanumeric"]
        or (counted and counted[1] in _ORDINARY["count"])
        or _NUMBERED.match(token)
    )


def _is_leet(token: str) -> bool:
    """Whether a sign stands between letters, in a word with enough of them."""
    letters = sum(map(str.isalpha, token))
    signs = len(token) - letters
    return bool(
        letters >= _SHORT_PIECE
        and _INSIDE.search(token)
        and (letters > signs or token[-1].isalpha() or letters >= _MIN_RUN or "00" in token)
        and (len(token) > _MIN_RUN or token[1] in "0134@")
    )


def repeats(view: View) -> Iterator[Disguise]:
    """Letters written three times or more: read once and, where English doubles it, also twice."""
    if not _REPEAT.search(view.text):
        return
    for match in _REPEATING.finditer(view.text):
        word = match[0]
        if not _REPEAT.search(word) or len(set(word)) == 1 or _is_ordinary_repeat(word):
            continue
        single = _REPEAT.sub(r"\1", word)
        double = _REPEAT.sub(lambda m: m[1] * (1 + (m[1] in _DOUBLED)), word)
        if single not in _ORDINARY["drawn"] and double not in _ORDINARY["drawn"]:
            reading = single if single == double else f"{double} {single}"
            yield Disguise(*match.span(), reading, sure=True)


def _is_ordinary_repeat(word: str) -> bool:
    drawn = any(len(m[0]) > _MIN_RUN for m in _REPEAT.finditer(word))
    return bool((_NUMERAL if drawn else _ORDINARY_REPEAT).match(word))


PASSES: tuple[tuple[str, Callable[[View], Iterator[Disguise]]], ...] = (
    ("confusable", accents),
    ("separators", gaps),
    ("leet", leet),
    ("repeats", repeats),
)
