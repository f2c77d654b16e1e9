"""The words that tell a disguise from ordinary writing, read once from `words.tsv`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import latin_words

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEXICONS = "guardrail.detect.sexual"
_MINORS = "guardrail.detect.minor"
_TIERS = ("explicit", "nudity", "undress", "act", "porn")
_CLOTHES = ("suggestive", "swim", "garment.")
_MIN, _LONG = 4, 7
_GREEK = "\u0370"  # Latin script ends here
_DENSE = "\u0e00"  # scripts from here on are written without spaces


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Folded words in sets.

    core: what disguises are put on; corrected where misspelt. telling: core and further such
    terms. common: ordinary English words. near: ordinary words that look like a core one.
    alias: well-known misspellings and what they stand for.
    opening: words that requests begin with.
    foreign: ordinary words of some language that read as a telling one backwards.
    upright: words that say that a text is not written backwards as a whole.
    link: words that no message begins or ends with. anew: words that begin one of its own.
    alphabets: the accented letters of each language.
    """

    core: frozenset[str]
    telling: frozenset[str]
    common: frozenset[str]
    near: frozenset[str]
    alias: dict[str, str]
    opening: frozenset[str]
    foreign: frozenset[str]
    link: frozenset[str]
    anew: frozenset[str]
    alphabets: tuple[frozenset[str], ...]
    upright: frozenset[str]

    def known(self, word: str) -> bool:
        """Whether a folded word is listed anywhere, names included."""
        return word in self.common or word in self.near or word in latin_words()

    def says(self, word: str) -> bool:
        """Whether a folded word is an ordinary English or a telling one."""
        return word in self.common or word in self.telling


@cache
def vocabulary() -> Vocabulary:
    """The shipped vocabulary."""
    found: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("words.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, words = line.split("\t")
            found.setdefault(kind, []).extend(words.split())
    found["term"] += [*_terms(), *_minors()]
    alias = dict(pair.split("=") for pair in found["alias"])
    core = frozenset(found["core"])
    return Vocabulary(
        core=core,
        telling=core | frozenset(found["term"]) | alias.keys(),
        common=frozenset(found["common"]),
        near=frozenset(found["near"]),
        alias=alias,
        foreign=frozenset(found["foreign"]),
        link=frozenset(found["link"]),
        anew=frozenset(found["anew"]),
        alphabets=tuple(map(frozenset, found["alphabet"])),
        opening=frozenset(found["opening"]),
        upright=frozenset(found["upright"]),
    )


@cache
def dense() -> frozenset[str]:
    """Chinese, Japanese, Korean and Thai terms that disguises are put on, clothes among them."""
    found = {*vocabulary().telling, *_terms(_CLOTHES)}
    return frozenset(word for word in found if word >= _DENSE)


@cache
def worn() -> frozenset[str]:
    """Telling words, and those of the lexicons for clothes."""
    return frozenset({*vocabulary().telling, *_terms(_CLOTHES)})


def _terms(labels: tuple[str, ...] = _TIERS, *, stems: bool = True) -> Iterator[str]:
    """The single words of the sexual lexicons under labels that begin so."""
    for file in sorted(files(_LEXICONS).joinpath("data").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".tsv"):
            for line in file.read_text("utf-8").splitlines():
                term, label, _, flags = (*line.split("\t"), "", "", "")[:4]
                wanted = label.startswith(labels) and (stems or "stem" not in flags)
                if wanted and term.isalpha() and len(term) >= _least(term):
                    yield term.lower()


def _minors() -> Iterator[str]:
    """The single words of the lexicons of minors that are long enough to be told in disguise."""
    for file in sorted(files(_MINORS).iterdir(), key=lambda file: file.name):
        if file.name.startswith("terms."):
            for line in file.read_text("utf-8").splitlines():
                term = line.split("\t")[0].lower()
                if term.isalpha() and len(term) > _least(term):
                    yield term


def _least(term: str) -> int:
    """Least letters of a term that says something turned round; two where letters are dense."""
    return _MIN if term < _DENSE else 2
