"""Japanese syllables in Latin letters: which words are made of them, and one spelling for all."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_SYLLABLE = (
    "(?:(?:(?:[kgnhbpmr]y|[sc]h|ts|sy|ty|zy|jy|[kgszjtdnhfbpmryw])?[aiueo\u0101\u012b\u016b\u0113"
    "\u014d\u00e2\u00ea\u00ee\u00f4\u00fb]|n(?!y?[aiueo])'?|m(?=[bpm])"
    "|k(?=k)|s(?=s)|t(?=t|ch)|p(?=p)|c(?=ch)|d(?=d)|g(?=g)|b(?=b)|v[aiueo]|oh(?![aiueo]))-?)"
)
TOKEN = f"{_SYLLABLE}{{1,12}}"
"""Pattern of a word of Japanese syllables."""

_WORD = re.compile(rf"{TOKEN}\Z")
_SPELLINGS = tuple(
    (re.compile(pattern), spelled)
    for pattern, spelled in (
        ("[\u0101\u00e2]", "aa"), ("[\u012b\u00ee]", "ii"), ("[\u016b\u00fb]", "uu"),
        ("[\u0113\u00ea]", "ee"), ("[\u014d\u00f4]", "ou"), ("[-']", ""), ("oh(?![aiueo])", "oo"),
        ("m(?=[bp])", "n"), ("tch", "cch"), ("sy", "sh"), ("ty", "ch"), ("[zj]y", "j"),
        ("si", "shi"), ("ti", "chi"), ("tu", "tsu"), ("(?<![sc])hu", "fu"), ("zi|di", "ji"),
        ("dzu|du", "zu"), ("wo", "o"),
    )
)  # fmt: skip
_LONG = re.compile(r"([aiue])\1+|o[ou]+")


def spelled(token: str) -> str:
    """A word in Latin letters in one spelling (Hepburn), long vowels as they are."""
    word = token.lower()
    for pattern, instead in _SPELLINGS:
        word = pattern.sub(instead, word)
    return word


def key(word: str) -> str:
    """A spelled word with all vowels short."""
    return _LONG.sub(lambda m: m[1] or "o", word)


def is_syllables(word: str) -> bool:
    """Whether a folded word could be Japanese in Latin letters."""
    return _WORD.match(word) is not None


@cache
def _kana() -> tuple[re.Pattern[str], dict[str, str]]:
    page = Path(__file__).with_name("kana.tsv").read_text("utf-8").splitlines()
    sounds = dict(line.split("\t") for line in page if line[0] != "#")
    longest = sorted(sounds, key=len, reverse=True)
    return re.compile("|".join(longest) + r"|[a-z](?=[a-z])|."), sounds


def in_kana(token: str) -> str:
    """An unknown word in katakana."""
    pattern, sounds = _kana()
    return "".join(sounds.get(m[0], "ッ") for m in pattern.finditer(spelled(token)))
