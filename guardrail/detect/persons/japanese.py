"""Personal names in Japanese text, from a morphological analyser's proper nouns."""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib import import_module
from typing import Any
from zlib import crc32

from guardrail.detect.persons.hits import Hit
from guardrail.detect.persons.lexicon import entries
from guardrail.detect.persons.morphemes import MorphemeTagger
from guardrail.detect.persons.tagging import Said
from guardrail.records import Kind

_LINKS = frozenset("・=\uff1d·")
_MAX_CHARS = 4000
_MAX_GIVEN = 2
_MIN_TAILED = 4
_OPEN, _CLOSE = '「『《〈“"', '」』》〉”"'
_SUBJECT = re.compile("[はがもに]|の(?!よう)|を|と|、|（|\\(|から")
_CUT = re.compile(r"[。！？!?\n、]")
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc]+")
_HAN = re.compile("[\u3005\u3400-\u9fff]{1,2}")
_AFTER_NAME = re.compile("[、。（(「『」』はがをにのとへもやで!！?？・,:\uff1a]|$")

SURNAME, GIVEN, PERSON, PLACE, NOUN, OTHER = "姓", "名", "人名", "地名", "名詞", ""
_NAMES = frozenset((SURNAME, GIVEN, PERSON))
_HOPEFUL = _NAMES | {PLACE}
_KATAKANA_WORD = re.compile("[\u30a1-\u30fa\u30fc]{3}")
_DOTTED = re.compile("[・\uff1d=·]")


@cache
def _alternation(label: str) -> re.Pattern[str]:
    words = sorted(entries("cjk.tsv")[label], key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)))


@cache
def _endings(label: str) -> tuple[str, ...]:
    return tuple(entries("cjk.tsv")[label])


class Morpheme:
    """One token: where it stands, which kind of noun it is, and the analyser's own view of it.

    code: hash of its part of speech.
    """

    __slots__ = ("begin", "code", "end", "raw", "sort")

    def __init__(self, begin: int, end: int, sort: tuple[str, int], raw: Any) -> None:
        self.begin = begin
        self.end = end
        self.sort, self.code = sort
        self.raw = raw

    @property
    def unknown(self) -> bool:
        """Whether no dictionary has it."""
        return bool(self.raw.is_oov())


class Analyser:
    """A tokenizer for each thread over one shared dictionary, opened when first used."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._dictionary: Any = None
        self._sorts: dict[int, tuple[str, int]] = {}

    def tokens(self, text: str) -> list[Morpheme]:
        """The morphemes of a text, in pieces the tokenizer can take; none where nobody is named."""
        found: list[Morpheme] = []
        tokenizer = self._tokenizer()
        sorts = self._sorts
        for base, piece in _pieces(text):
            morphemes = list(tokenizer.tokenize(piece))
            codes = [m.part_of_speech_id() for m in morphemes]
            for code, m in zip(codes, morphemes, strict=True):
                if code not in sorts:
                    pos = m.part_of_speech()
                    sorts[code] = _sort(pos), crc32("".join(pos).encode())
            kinds = [sorts[code] for code in codes]
            if _HOPEFUL.isdisjoint([kind for kind, _ in kinds]) and not _KATAKANA_WORD.search(
                piece
            ):
                continue
            found += [
                Morpheme(base + m.begin(), base + m.end(), kind, m)
                for kind, m in zip(kinds, morphemes, strict=True)
            ]
        return found

    def _tokenizer(self) -> Any:
        made = getattr(self._local, "tokenizer", None)
        if made is None:
            sudachi = import_module("sudachipy")
            with self._lock:
                if self._dictionary is None:
                    self._dictionary = sudachi.Dictionary(dict="core")
            make = getattr(self._dictionary, "tokenizer", None) or self._dictionary.create
            made = self._local.tokenizer = make(mode=sudachi.SplitMode.C)
        return made


def _sort(pos: tuple[str, ...]) -> str:
    if pos[0] != "名詞":
        return OTHER
    if pos[2] == "人名":
        return pos[3] if pos[3] in {SURNAME, GIVEN} else PERSON
    return PLACE if pos[2] == "地名" else NOUN


def _pieces(text: str) -> list[tuple[int, str]]:
    if len(text) <= _MAX_CHARS:
        return [(0, text)]
    pieces = []
    start = 0
    while start < len(text):
        end = min(len(text), start + _MAX_CHARS)
        if end < len(text):
            cuts = [m.end() for m in _CUT.finditer(text, start + _MAX_CHARS // 2, end)]
            end = cuts[-1] if cuts else end
        pieces.append((start, text[start:end]))
        start = end
    return pieces


class JapaneseNames:
    """Finds personal names in Japanese text."""

    def __init__(self, *, trained: bool = True) -> None:
        self._analyser = Analyser()
        self._tagger = MorphemeTagger() if trained else None

    def find(self, text: str, *, full_only: bool = False) -> list[Hit]:
        """Names with spans in `text`, kind `private`; `full_only`: surname with given name only."""
        tokens = self._analyser.tokens(text)
        found: Said = self.by_rule(text, tokens, full_only=full_only)
        if self._tagger is not None and not full_only and tokens:
            found = self._tagger.revised(text, tokens, found)
        return [
            Hit(tokens[i].begin, tokens[j - 1].end, Kind.PRIVATE, score) for score, i, j in found
        ]

    def tokens(self, text: str) -> list[Morpheme]:
        """The morphemes of a text; none where nobody is named."""
        return self._analyser.tokens(text)

    def by_rule(
        self, text: str, tokens: list[Morpheme], *, full_only: bool = False
    ) -> list[tuple[float, int, int]]:
        """What the analyser's nouns and the words around say: score, half-open range of tokens."""
        hits: list[tuple[float, int, int]] = []
        i = 0
        while i < len(tokens):
            j = self._run(text, tokens, i)
            if j == i:
                i += 1
                continue
            score = self._judge(text, tokens, i, j)
            sorts = {t.sort for t in tokens[i:j]}
            if score and (not full_only or {SURNAME, GIVEN} <= sorts):
                hits.append((score, i, j))
            i = j
        return hits

    @staticmethod
    def _run(text: str, tokens: list[Morpheme], i: int) -> int:
        """The exclusive end of a run of name tokens from `i`, linked by dots or directly."""
        if tokens[i].sort not in _NAMES and not (
            _dotted(text, tokens, i) or _lone(text, tokens, i)
        ):
            return i
        j = i + 1
        while j < len(tokens):
            if tokens[j].sort in _NAMES and _continues(tokens, j):
                j += 1
            elif (
                text[tokens[j].begin] in _LINKS
                and j + 1 < len(tokens)
                and _katakana(text, tokens[j - 1])
                and _katakana(text, tokens[j + 1])
            ):
                j += 2
            elif _katakana(text, tokens[j]) and text[tokens[j - 1].begin : tokens[j].begin] == "":
                j += 1
            else:
                break
        if j == i + 1 and tokens[i].sort == SURNAME:
            j = _given_unknown(text, tokens, j)
        return j

    @staticmethod
    def _judge(text: str, tokens: list[Morpheme], i: int, j: int) -> float:
        """How likely the tokens `i`..`j` are a person, 0 where the words around say otherwise."""
        begin, end = tokens[i].begin, tokens[j - 1].end
        sorts = {t.sort for t in tokens[i:j]}
        named = not sorts.isdisjoint(_NAMES)
        full = j > i + 1 and named
        if _alternation("ja_title").match(text, end) or text[max(0, begin - 8) : begin].endswith(
            _endings("ja_before")
        ):
            return 0.95 if full else 0.9
        quoted = begin > 0 and text[begin - 1] in _OPEN and text[end : end + 1] in _CLOSE
        if quoted or (not full and _alternation("ja_reject").match(text, end)):
            return 0.0
        parts = _DOTTED.split(text[begin:end])
        if len(parts) > 1:
            ordinary = any(part.endswith(_endings("ja_kata_stop")) for part in parts)
            return 0.0 if ordinary else 0.9 if named else 0.6
        return 0.95 if full else 0.6 if end - begin > 1 else 0.0


def _katakana(text: str, token: Morpheme) -> bool:
    return _KATAKANA.fullmatch(text, token.begin, token.end) is not None


def _dotted(text: str, tokens: list[Morpheme], i: int) -> bool:
    """Whether katakana words linked by a dot begin here."""
    return (
        i + 2 < len(tokens)
        and tokens[i].sort == NOUN
        and text[tokens[i + 1].begin] in _LINKS
        and _katakana(text, tokens[i])
        and _katakana(text, tokens[i + 2])
        and (
            tokens[i + 2].sort in _NAMES
            or (
                tokens[i].unknown
                and text[tokens[i + 2].begin : tokens[i + 2].end].endswith(_endings("ja_kata_tail"))
            )
        )
    )


def _lone(text: str, tokens: list[Morpheme], i: int) -> bool:
    """Whether a word that is no name in the dictionary is one here, by its shape or its title."""
    token = tokens[i]
    if token.sort == PLACE:
        return _alternation("ja_place_title").match(text, token.end) is not None
    if token.sort != NOUN or not token.unknown or not _katakana(text, token):
        return False
    if _alternation("ja_title").match(text, token.end):
        return True
    word = text[token.begin : token.end]
    return (
        len(word) >= _MIN_TAILED
        and word.endswith(_endings("ja_kata_tail"))
        and not word.endswith(_endings("ja_kata_stop"))
        and text[token.begin - 1 : token.begin] not in _LINKS
        and _SUBJECT.match(text, token.end) is not None
    )


def _continues(tokens: list[Morpheme], j: int) -> bool:
    """Whether a name token goes on with the one before, rather than being the next person."""
    return not (tokens[j].sort == SURNAME and tokens[j - 1].sort == GIVEN)


def _given_unknown(text: str, tokens: list[Morpheme], j: int) -> int:
    """Extend a surname by one or two characters the dictionary does not know as a given name."""
    k = j
    while k < len(tokens) and k < j + 2 and tokens[k].sort in {NOUN, PLACE, OTHER}:
        if not _HAN.fullmatch(text, tokens[k].begin, tokens[k].end):
            break
        k += 1
    if k == j:
        return j
    begin, end = tokens[j].begin, tokens[k - 1].end
    if end - begin > _MAX_GIVEN or _alternation("ja_title").match(text, begin):
        return j
    if _alternation("ja_reject").match(text, begin) or not _AFTER_NAME.match(text, end):
        return j
    return k
