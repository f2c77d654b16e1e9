"""Names of well-known people and fictional characters, looked up by prefix walks."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import plain, rows
from guardrail.records import Kind
from guardrail.text import fold

if TYPE_CHECKING:
    import marisa_trie

_CJK = "\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_DENSE = re.compile(f"[{_CJK}]")
_STARTS = re.compile(f"[{_CJK}]|[^\\W_{_CJK}]+(?:['’-][^\\W_{_CJK}]+)*")
_JOINS = re.compile(r"[\s・＝=·•‧]+")
_PUBLIC, _FICTIONAL, _CONTEXT = 1, 2, 4
_MIN_HASHTAG = 9
_LONGEST = 48


@dataclass(frozen=True, slots=True)
class Entry:
    """A place where a listed name stands.

    start, end: half-open range of the view searched.
    kind: `public` also where a real person and a character share the name.
    context: the name is an ordinary word too and needs evidence around it.
    """

    start: int
    end: int
    kind: Kind
    context: bool


class NameIndex:
    """Folded name -> kind and flags.

    trie: keys are names folded like the canonical view (Chinese, Japanese and Korean ones without
        spaces and dots, katakana also as hiragana).
    flags: one byte a key, at the trie's id of it: 1 public, 2 fictional, 4 needs context.
    """

    __slots__ = ("_flags", "_trie")

    def __init__(self, trie: marisa_trie.Trie, flags: bytes | mmap.mmap) -> None:
        self._trie = trie
        self._flags = flags

    @classmethod
    def build(cls, names: Iterable[tuple[str, Kind, bool]]) -> NameIndex:
        """An index of (name, kind, needs context) triples; a real person wins a shared name."""
        import marisa_trie

        found: dict[str, int] = {}
        for name, kind, context in names:
            bits = _FICTIONAL if kind is Kind.FICTIONAL else _PUBLIC
            for key in _keys(name):
                found[key] = found.get(key, 0) | bits | (_CONTEXT if context else 0)
        trie = marisa_trie.Trie(found)
        flags = bytearray(len(trie))
        for key, bits in found.items():
            flags[trie[key]] = bits
        return cls(trie, bytes(flags))

    @classmethod
    def open(cls, path: Path) -> NameIndex:
        """An index that `save` wrote, memory-mapped."""
        import marisa_trie

        trie = marisa_trie.Trie()
        trie.mmap(str(path))
        with _beside(path).open("rb") as file:
            return cls(trie, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @classmethod
    def shipped(cls) -> NameIndex:
        """The index of the lists that come with this package."""
        return cls.build(_shipped())

    def __len__(self) -> int:
        return len(self._trie)

    def save(self, path: Path) -> None:
        """Write the index to `path`, and its flags beside it, for `open`."""
        self._trie.save(str(path))
        _beside(path).write_bytes(bytes(self._flags))

    def find(self, text: str) -> Iterator[Entry]:
        """Every listed name in a folded text, the longest at each place, left to right."""
        done = 0
        prefixes = self._trie.prefixes
        for match in _STARTS.finditer(text):
            start = match.start()
            if start < done:
                continue
            window = text[start : start + _LONGEST]
            if window[0] >= "\u3041" and _DENSE.match(window):
                entry = self._dense(text, start, window)
            else:
                keys = prefixes(window)
                entry = self._spaced(text, start, keys) if keys else None
            if entry is not None:
                done = entry.end
                yield entry

    def _spaced(self, text: str, start: int, keys: list[str]) -> Entry | None:
        for key in sorted(keys, key=len, reverse=True):
            end = start + len(key)
            if end == len(text) or not _inside(text, end):
                return self._entry(key, start, end)
        return None

    def _dense(self, text: str, start: int, window: str) -> Entry | None:
        joined = _JOINS.search(window) is not None
        keys = self._trie.prefixes(_JOINS.sub("", window) if joined else window)
        if not keys:
            return None
        key = max(keys, key=len)
        end = start + (_spread(window, len(key)) if joined else len(key))
        return self._entry(key, start, end)

    def _entry(self, key: str, start: int, end: int) -> Entry:
        bits = self._flags[self._trie[key]]
        kind = Kind.PUBLIC if bits & _PUBLIC else Kind.FICTIONAL
        return Entry(start, end, kind, bool(bits & _CONTEXT))


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".flags")


def _inside(text: str, end: int) -> bool:
    """Whether `end` cuts a word that is not Chinese, Japanese or Korean."""
    after = text[end]
    return after.isalnum() and text[end - 1].isalnum() and not _DENSE.match(after)


def _spread(window: str, length: int) -> int:
    """How much of the window holds its first `length` characters that are no joints."""
    offsets = [i for i, c in enumerate(window) if not _JOINS.match(c)]
    return offsets[length - 1] + 1


def _keys(name: str) -> set[str]:
    """The folded forms under which a name is looked up."""
    folded = fold(name, "canonical")
    if _DENSE.search(folded):
        squeezed = _JOINS.sub("", folded)
        return {squeezed, fold(squeezed, "kana")}
    forms = {folded, plain(folded)}
    for quote, bare in product(("’", "."), list(forms)):
        forms.add(bare.replace(quote, "'" if quote == "’" else ""))
    joined = {re.sub(r"[\s'.-]", "", form) for form in forms if " " in form}
    return forms | {form for form in joined if len(form) >= _MIN_HASHTAG}


def _shipped() -> Iterator[tuple[str, Kind, bool]]:
    for file, kind in (("public.tsv", Kind.PUBLIC), ("fictional.tsv", Kind.FICTIONAL)):
        for name, flags, *aliases in rows(file):
            yield name, kind, "c" in flags
            for alias in aliases[0].split("|") if aliases and aliases[0] else ():
                yield alias.removeprefix("?"), kind, alias.startswith("?")
