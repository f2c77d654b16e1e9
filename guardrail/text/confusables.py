"""Letters of other scripts that stand in for Latin ones, read from `confusables.tsv`."""

from __future__ import annotations

import re
from pathlib import Path

_LATIN = "a-z\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_SCRIPTS = {
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "cyrillic": "\u0400-\u052f",
    "armenian": "\u0530-\u058f",
    "cherokee": "\u13a0-\u13ff\uab70-\uabbf",
    "aboriginal": "\u1401-\u166c\u166f-\u167f",
    "coptic": "\u2c80-\u2cff",
    "lisu": "\ua4d0-\ua4ff",
}
_MIN_WORD = 3
_MU = "\u03bc"


def _read() -> dict[str, dict[str, str]]:
    """Kind of lookalike -> character -> what it is read as."""
    kinds: dict[str, dict[str, str]] = {}
    for line in Path(__file__).with_name("confusables.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            code, read_as, kind, _ = line.split("\t")
            kinds.setdefault(kind, {})[chr(int(code, 16))] = read_as
    return kinds


_KINDS = _read()
LETTERS = _KINDS["letter"]
KATAKANA = _KINDS["kana"]
_STRONG = {**_KINDS["strong"], **_KINDS["symbol"]}
_ANY = {**_STRONG, **_KINDS["weak"]}
_TO_LATIN = str.maketrans(_ANY)
_RUSSIAN = "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456"
_TO_CYRILLIC = str.maketrans({_STRONG[letter]: letter for letter in _RUSSIAN})
_ALWAYS = str.maketrans(_KINDS["always"])

_SYMBOLS = "".join(c for c in _STRONG if not c.isalpha())
_FOREIGN = "".join(_SCRIPTS.values()) + _SYMBOLS
_SMALL_CAPITAL = re.compile(f"[{''.join(_KINDS['always'])}]")
_LOOKALIKE = re.compile(f"[{''.join(_ANY)}]")
_HAS_LATIN = re.compile(f"[{_LATIN}]")
_HAS_FOREIGN = re.compile(f"[{_FOREIGN}]")
_MIXED = re.compile(f"[{_FOREIGN}](?:(?<=[{_LATIN}].)|(?=[{_LATIN}]))")
_WORD = re.compile(f"[{_LATIN}0-9\u0300-\u036f{_FOREIGN}]{{{_MIN_WORD},}}")
_PURE_WORD = re.compile(f"(?<![\\w{_SYMBOLS}])[{_FOREIGN}]{{2,}}+(?!\\w)")
_LOOKALIKE_WORD = re.compile(f"(?<![\\w{_SYMBOLS}])[{''.join(_STRONG)}]{{{_MIN_WORD},}}+(?!\\w)")
_FOREIGN_WORD = re.compile(f"[{''.join(_SCRIPTS.values())}]+")
_OTHER_LETTER = re.compile(f"[^\\W\\d_{''.join(_STRONG)}]")
# Letters of a script that are not lookalikes: they show that it is really written.
_GENUINE = {
    name: re.compile(f"(?![{''.join(_STRONG)}])[{letters}]") for name, letters in _SCRIPTS.items()
}
_IN_SCRIPT = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
# Lookalikes that no Russian, Ukrainian, Greek or Armenian word is written with.
_UNMISTAKABLE = re.compile(
    "[\u0455\u0501\u04bb\u051b\u051d\u04cf\u0475{cherokee}{aboriginal}{coptic}{lisu}]".format(
        **_SCRIPTS
    )
)


def unmask(text: str) -> str:
    """Read lookalikes as the letters they stand in for, one code point for one.

    In words that mix scripts; in words wholly of lookalikes inside Latin text; small capitals
    always. A text that is really written in the other script keeps its letters. Expects text
    that is already case folded.
    """
    if _SMALL_CAPITAL.search(text):
        text = text.translate(_ALWAYS)
    if not _LOOKALIKE.search(text):
        return text
    if not _HAS_LATIN.search(text):
        return _unmask_alone(text)
    if _MIXED.search(text):
        genuine = any(not _is_strong(word) for word in _PURE_WORD.findall(text))
        unmixed = _WORD.sub(lambda m: _unmix(m[0], genuine=genuine), text)
        if unmixed != text and all(map(_is_stand_in, _FOREIGN_WORD.findall(unmixed))):
            return _FOREIGN_WORD.sub(lambda m: m[0].translate(_TO_LATIN), unmixed)
        text = unmixed
    return _LOOKALIKE_WORD.sub(lambda m: _unmask_word(m[0], text), text)


def _unmix(word: str, *, genuine: bool) -> str:
    """A word that may mix scripts, in the one it is meant in.

    genuine: whether other words of the text are really written in a foreign script.
    """
    foreign = "".join(_HAS_FOREIGN.findall(word))
    latin = _HAS_LATIN.findall(word)
    core = word.lstrip("0123456789")
    if not foreign or not latin or len(core) < _MIN_WORD or core[0] == foreign == _MU:
        return word
    if _is_strong(foreign):
        return word.translate(_TO_LATIN)
    if all(ord(c) in _TO_CYRILLIC for c in latin) and _IN_SCRIPT["cyrillic"].match(foreign):
        return word.translate(_TO_CYRILLIC)
    if not genuine and all(c in _ANY for c in foreign):
        return word.translate(_TO_LATIN)
    return word


def _unmask_word(word: str, text: str) -> str:
    """A word wholly of lookalikes, unless the text is really written in its script."""
    for name, letters in _IN_SCRIPT.items():
        if letters.search(word) and _GENUINE[name].search(text):
            return word
    return word.translate(_TO_LATIN)


def _unmask_alone(text: str) -> str:
    """A text without Latin letters that consists of lookalikes only, some of them unmistakable."""
    letters = "".join(_LOOKALIKE.findall(text))
    if len(letters) < _MIN_WORD or _OTHER_LETTER.search(text) or not _UNMISTAKABLE.search(letters):
        return text
    return text.translate(_TO_LATIN)


def _is_stand_in(word: str) -> bool:
    """Whether a foreign word stands in for a Latin one: strong lookalikes, or of two scripts."""
    if _is_strong(word):
        return True
    scripts = sum(letters.search(word) is not None for letters in _IN_SCRIPT.values())
    return (scripts > 1 or len(word) < _MIN_WORD) and all(c in _ANY for c in word)


def _is_strong(letters: str) -> bool:
    return all(c in _STRONG for c in letters)
