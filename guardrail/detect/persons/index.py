"""Names of well-known people and fictional characters, looked up by prefix walks."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import compress, crc32, decompress

from guardrail.detect.persons.edges import begins, stands_alone
from guardrail.detect.persons.inflection import inflected
from guardrail.detect.persons.lexicon import DATA, plain, rows
from guardrail.records import Kind
from guardrail.text import fold

if TYPE_CHECKING:
    import marisa_trie

_CJK = "\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_DENSE = re.compile(f"[{_CJK}]")
_WORDS = re.compile(f"[^\\W_{_CJK}]+(?:['’-][^\\W_{_CJK}]+)*")
_KANA = "\ue000"  # stands before keys whose kana are unified
_EAST = "\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff"
_BITS = {"c": 4, "m": 8, "t": 16, "u": 48}
_DOTS = re.compile(r"[\s・\uff1d=·•‧]+")
_DOTTED = re.compile("[・\uff1d=·•‧]")
_JOINT = re.compile(f"(?<=[{_EAST}])[ 　・\uff1d=·•‧](?=[{_EAST}])")
_UNSPACED = re.compile("[\u0e01-\u0e4e\u3041-\uffff]")
_PUBLIC, _FICTIONAL, _CONTEXT, _MAKER, _THING, _THING_CONTEXT = 1, 2, 4, 8, 16, 32
_MIN_HASHTAG = 9
_BETWEEN = re.compile(r"[\s'.-]")
_MIN_KANA = 6
_HEAD = 2
_MIN_DOTLESS = 6
_LONGEST = 48
_LONE = re.compile("[\ud800-\udfff]")  # halves of a pair, which no key can hold


@dataclass(frozen=True, slots=True)
class Entry:
    """A place where a listed name stands.

    start, end: half-open range of the view searched.
    kind: `public` also where a real person and a character share the name; None: nobody's name.
    context: the name is an ordinary word too and needs evidence around it.
    maker: the person is known for making pictures or films.
    thing: a brand, a work or a place has the name; where `kind` is not None or `context` is set,
        only if the words around say so.
    """

    start: int
    end: int
    kind: Kind | None
    context: bool
    maker: bool
    thing: bool = False


class NameIndex:
    """Folded name -> kind and flags.

    trie: keys are names folded like the canonical view (Chinese, Japanese and Korean ones without
        spaces and dots), and again with unified kana behind a private-use mark.
    flags: one byte a key, at the trie's id of it: 1 public, 2 fictional, 4 needs context,
        8 makes pictures, 16 a thing's name, 32 a thing only in context.
    """

    __slots__ = ("_flags", "_heads", "_kana_heads", "_trie", "_words")

    def __init__(self, trie: marisa_trie.Trie, flags: bytes | mmap.mmap) -> None:
        self._trie = trie
        self._flags = flags
        self._words = self._heads = self._kana_heads = frozenset[str]()

    @classmethod
    def build(cls, names: Iterable[tuple[str, Kind | None, str]]) -> NameIndex:
        """An index of (name, kind, flags) triples; a real person wins a shared name.

        flags: `c` where the name needs context, `m` where its bearer makes pictures; with no kind
        `t` for a thing's name, `u` for one that needs context.
        """
        import marisa_trie

        found: dict[str, int] = {}
        for name, kind, flags in names:
            bits = 0 if kind is None else _FICTIONAL if kind is Kind.FICTIONAL else _PUBLIC
            bits |= sum(_BITS[flag] for flag in flags)
            for key in _keys(name):
                found[key] = found.get(key, 0) | bits
        trie = marisa_trie.Trie(found)
        table = bytearray(len(trie))
        for key, place in trie.items():
            table[place] = found[key]
        index = cls(trie, bytes(table))
        index._note_beginnings(found)
        return index

    def _note_beginnings(self, keys: Iterable[str]) -> None:
        """Remember how names begin, so that most places of a text need no look-up."""
        self._words = frozenset(m[0] for key in keys if (m := _WORDS.match(key)))
        self._heads = frozenset(k[:_HEAD] for k in keys if _UNSPACED.match(k))
        self._kana_heads = frozenset(k[1 : _HEAD + 1] for k in keys if k[0] == _KANA)

    @classmethod
    def open(cls, path: Path) -> NameIndex:
        """An index that `save` wrote, memory-mapped."""
        import marisa_trie

        trie = marisa_trie.Trie()
        trie.mmap(str(path))
        with _beside(path, "flags").open("rb") as file:
            index = cls(trie, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        words, heads, kana_heads = json.loads(decompress(_beside(path, "heads").read_bytes()))
        index._words = frozenset(words)
        index._heads, index._kana_heads = frozenset(heads), frozenset(kana_heads)
        return index

    @classmethod
    def shipped(cls) -> NameIndex:
        """The index of the lists that come with this package, built anew where they changed."""
        return cls.open(SHIPPED) if is_built() else cls.build(listed())

    def __len__(self) -> int:
        return len(self._trie)

    def save(self, path: Path) -> None:
        """Write the index to `path`, and its flags beside it, for `open`."""
        self._trie.save(str(path))
        _beside(path, "flags").write_bytes(bytes(self._flags))
        heads = [sorted(each) for each in (self._words, self._heads, self._kana_heads)]
        _beside(path, "heads").write_bytes(compress(json.dumps(heads, ensure_ascii=False).encode()))

    def find(self, text: str) -> Iterator[Entry]:
        """Every listed name in a canonical text, the longest at each place, left to right."""
        if text.isascii():
            return self._walk(text, self._word_starts(text), "", None)
        whole = _LONE.sub("\ufffd", text)
        joined, offsets = _joined(whole)
        heads = self._heads
        words = self._word_starts(joined)
        words += [i for i in range(len(joined)) if joined[i : i + _HEAD] in heads]
        return self._walk(joined, sorted(words), "", offsets, whole)

    def _word_starts(self, text: str) -> list[int]:
        words, found = self._words, _WORDS.finditer(text)
        if not text.isascii():
            return [i for m in found for i in begins(m[0], m.start(), words)]
        if "'" not in text and "-" not in text:
            return [m.start() for m in found if m[0] in words]
        return [
            i
            for m in found
            if m[0] in words or "'" in m[0] or "-" in m[0]
            for i in begins(m[0], m.start(), words)
        ]

    def find_kana(self, text: str) -> Iterator[Entry]:
        """Names usually spelled in katakana, in a text whose kana are unified."""
        heads = self._kana_heads
        joined, offsets = _joined(_LONE.sub("\ufffd", text))
        starts = [i for i in range(len(joined)) if joined[i : i + _HEAD] in heads]
        return self._walk(joined, starts, _KANA, offsets)

    def _walk(
        self,
        text: str,
        starts: Iterable[int],
        prefix: str,
        offsets: list[int] | None,
        whole: str = "",
    ) -> Iterator[Entry]:
        def spaced(start: int, end: int) -> bool:
            if offsets is None:
                return False
            begin, stop = offsets[start], offsets[end - 1] + 1
            beside = whole[max(0, begin - 1) : begin] + whole[stop : stop + 1]
            return not _DOTTED.search(beside) and stands_alone(whole, begin, stop)

        done = 0
        prefixes = self._trie.prefixes
        skip = len(prefix)
        for start in starts:
            if start < done:
                continue
            keys = prefixes(prefix + text[start : start + _LONGEST])
            for key in sorted(keys, key=len, reverse=True) if keys else ():
                end = start + len(key) - skip
                if prefix or stands_alone(text, start, end) or spaced(start, end):
                    done = end
                    if offsets is None:
                        yield self._entry(key, start, end)
                    else:
                        yield self._entry(key, offsets[start], offsets[end - 1] + 1)
                    break

    def _entry(self, key: str, start: int, end: int) -> Entry:
        bits = self._flags[self._trie[key]]
        maker, thing = bool(bits & _MAKER), bool(bits & _THING)
        if not bits & (_PUBLIC | _FICTIONAL):
            return Entry(start, end, None, bool(bits & _THING_CONTEXT), maker, thing)
        kind = Kind.PUBLIC if bits & _PUBLIC else Kind.FICTIONAL
        return Entry(start, end, kind, bool(bits & _CONTEXT), maker, thing)


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}")


SHIPPED = DATA / "names.trie"
_LISTS = ("things.tsv", "public.tsv", "fictional.tsv")


def is_built() -> bool:
    """Whether the index that comes with this package is that of its lists as they are."""
    made_of = _beside(SHIPPED, "lists")
    return made_of.exists() and made_of.read_text("ascii") == _lists_digest()


def build_shipped() -> None:
    """Write the index that comes with this package."""
    NameIndex.build(listed()).save(SHIPPED)
    _beside(SHIPPED, "lists").write_text(_lists_digest(), "ascii")


def _lists_digest() -> str:
    found = 0
    for name in _LISTS:
        found = crc32((DATA / name).read_bytes().replace(b"\r", b""), found)
    return f"{found:08x}\n"


def _joined(text: str) -> tuple[str, list[int] | None]:
    """The text without dots and spaces inside Chinese and Japanese, and where the rest stood."""
    if text.isascii() or not _JOINT.search(text):
        return text, None
    offsets: list[int] = []
    done = 0
    for match in _JOINT.finditer(text):
        offsets += range(done, match.start())
        done = match.end()
    offsets += range(done, len(text))
    return "".join([text[i] for i in offsets]), offsets


def _keys(name: str) -> set[str]:
    """The folded forms under which a name is looked up."""
    if name.isascii() and name.isprintable():
        return _spelled({name.lower()})
    folded = fold(name, "canonical")
    if _DENSE.search(folded):
        squeezed = _DOTS.sub("", folded)
        kana = fold(squeezed, "kana")
        return {folded, squeezed} | ({_KANA + kana} if len(kana) >= _MIN_KANA else set())
    forms = {folded, plain(folded)} | inflected(folded)
    return _spelled(forms | {form.replace("’", "'") for form in forms})


def _spelled(forms: set[str]) -> set[str]:
    """Names also without dots, and in one word as in a hashtag."""
    forms |= {form.replace(".", "") for form in forms if len(form) >= _MIN_DOTLESS}
    joined = {_BETWEEN.sub("", form) for form in forms if " " in form}
    return forms | {form for form in joined if len(form) >= _MIN_HASHTAG}


def listed() -> Iterator[tuple[str, Kind | None, str]]:
    """The names of the lists that come with this package, as `NameIndex.build` takes them."""
    for name, flags, *aliases in rows("things.tsv"):
        for one in (name, *(aliases[0].split("|") if aliases and aliases[0] else ())):
            yield one, None, "u" if flags and one == name else "t"
    for file, kind in (("public.tsv", Kind.PUBLIC), ("fictional.tsv", Kind.FICTIONAL)):
        for name, flags, *aliases in rows(file):
            yield name, kind, flags
            shared = flags.replace("c", "")
            for alias in aliases[0].split("|") if aliases and aliases[0] else ():
                bare = alias.removeprefix("?")
                yield bare, kind, shared if bare == alias else shared + "c"
