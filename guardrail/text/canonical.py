"""Compatibility composition and case folding that drop what cannot be seen."""

from __future__ import annotations

import re
import unicodedata

from guardrail.text.confusables import LETTERS
from guardrail.text.spans import Edits, Rewriter

# Default-ignorable code points (DerivedCoreProperties.txt), bidi controls among them.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_CONTROL = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_SPACES = "\x1c-\x1f\x85\u2800"
_REGIONAL = "\U0001f1e6-\U0001f1ff"
_SQUARED = "\U0001f150-\U0001f169\U0001f170-\U0001f189"
# Marks that surround, underline or strike a letter; no orthography needs them.
_OVERLAY = "\u0305\u0332-\u0338\u033f\u0488\u0489\u20d0-\u20f0"
_MARK = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_WORDLIKE = "0-9A-Za-z\u00c0-\u024f\u0370-\u052f\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_STYLED = (
    "\u1d2c-\u1d6a\u2071\u207f\u2090-\u209c\u249c-\u24e9\U0001d400-\U0001d7cb\U0001f110-\U0001f149"
)
_INDICATOR = f"[{_REGIONAL}]"
_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_WIDE = "\uff21-\uff3a\uff41-\uff5a"

_SPACE = re.compile(f"[{_SPACES}]")
_DROPPED = re.compile(f"[{_IGNORABLE}{_CONTROL}]")
_ODD = re.compile(
    f"[{_IGNORABLE}{_CONTROL}{_SPACES}{_REGIONAL}{_SQUARED}{_OVERLAY}]|[{_MARK}]{{3}}|i\u0307"
)
_OVERLAYS = re.compile(f"[{_OVERLAY}]")
_MARKS = re.compile(f"[{_MARK}]")
_FLAGS = re.compile(f"[{_REGIONAL}]+")
_TAGS = re.compile(r"(?<!\U0001f3f4)(?<![\U000e0020-\U000e007f])[\U000e0020-\U000e007e]+")

_WIDE_PAIR = re.compile(f"[{_WIDE}]{{2}}")
_EAST_ASIAN = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff66-\uff9d]")

_MAX_MARKS = 2
_MAX_FOREIGN_MARKS = 6
_MAX_FORMS = 20_000
_MIN_HIDDEN = 3
_FLAG = 2  # regional indicators in one

_TRICKS = (
    (
        "invisible",
        re.compile(
            f"(?<=[{_WORDLIKE}])(?![\U000e0100-\U000e01ef](?![{_IGNORABLE}]))"
            f"[{_IGNORABLE}{_CONTROL}]+(?=[{_WORDLIKE}])"
        ),
    ),
    ("invisible", _TAGS),
    ("bidi", re.compile("[\u202d\u202e]")),
    ("bidi", re.compile(f"^[^{_RIGHT_TO_LEFT}]*[\u202a-\u202e\u2066-\u2069]")),
    ("width", re.compile(f"[{_STYLED}]{{3}}|[{_WIDE}][A-Za-z]|[A-Za-z][{_WIDE}]")),
    ("confusable", re.compile(f"[{_MARK}]{{3}}|[^\\W\\d_][{_OVERLAY}]|[{_SQUARED}]{{2}}")),
    (
        "confusable",
        re.compile(f"(?<!{_INDICATOR}){_INDICATOR}(?:{_INDICATOR}{{2}})+(?!{_INDICATOR})"),
    ),
)


class _Forms(dict[int, str]):
    """What each code point becomes when it stands alone; filled as code points are met."""

    def __missing__(self, code: int) -> str:
        form = _form_of(chr(code))
        if len(self) < _MAX_FORMS:
            self[code] = form
        return form


class _Singles(dict[int, str]):
    """The same for code points that become exactly one; the others stay."""

    def __missing__(self, code: int) -> str:
        form = _FORMS[code]
        single = form if len(form) == 1 else chr(code)
        if len(self) < _MAX_FORMS:
            self[code] = single
        return single


def normalise(raw: str) -> tuple[str, Edits]:
    """The text without invisible characters, NFKC and case folded, and where lengths changed."""
    if _is_plain(raw):
        text = raw.casefold()
        if len(text) == len(raw):
            return text, Edits()
    if any(len(run) % 2 or len(run) > _FLAG * 2 for run in _FLAGS.findall(raw)):
        raw = _FLAGS.sub(_spelled, raw)
    else:
        raw = _FLAGS.sub(_spell_flags, raw)
    characters = set(raw)
    special = {c for c in characters if len(_FORMS[ord(c)]) != 1 or _joins(c)}
    plain = raw.translate(_SINGLES)
    if not special:
        return plain, Edits()
    out = Rewriter(plain)
    _rewrite(raw, out, special, {c for c in special if _joins(c)})
    return out.text(), out.edits


def disguises(raw: str) -> set[str]:
    """Which tricks that normalising undoes a text uses other than in ordinary writing."""
    if _is_plain(raw):
        return set()
    found = {name for name, pattern in _TRICKS if pattern.search(raw)}
    if _WIDE_PAIR.search(raw) and not _EAST_ASIAN.search(raw):
        found.add("width")
    return found


def _is_plain(raw: str) -> bool:
    return not _ODD.search(raw) and unicodedata.is_normalized("NFKC", raw)


def _form_of(char: str) -> str:
    """One code point, folded; spacing accents and Korean letters stay as they are."""
    if _DROPPED.match(char):
        return ""
    if _SPACE.match(char):
        return " "
    if char in LETTERS:
        return LETTERS[char]
    if "\u3131" <= char <= "\u318e":
        return char
    if "\uffa1" <= char <= "\uffdc" and (wide := unicodedata.decomposition(char)):
        return chr(int(wide.split()[-1], 16))
    form = _compose(char)
    return char if form.startswith(" ") and len(form) > 1 else form


def _compose(text: str) -> str:
    composed = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", composed).replace("i\u0307", "i")


def _joins(char: str) -> bool:
    """Whether the code point may compose with the one before it."""
    return (
        unicodedata.category(char)[0] == "M"
        or "\u1161" <= char <= "\u11ff"
        or "\ud7b0" <= char <= "\ud7ff"
        or char in "\uff9e\uff9f"
    ) and not _DROPPED.match(char)


def _spell_flags(match: re.Match[str]) -> str:
    """Regional indicators as letters, but for a lone pair: that is a flag."""
    return match[0] if len(match[0]) == _FLAG else _spelled(match)


def _spelled(match: re.Match[str]) -> str:
    return "".join(chr(ord(c) - 0x1F1E6 + 0x61) for c in match[0])


def _rewrite(raw: str, out: Rewriter, special: set[str], joining: set[str]) -> None:
    """Normalise the special characters, each together with what it may compose with."""
    following = {c for c in special if c in joining or not _FORMS[ord(c)]}
    done = 0
    for spot in [i for i, c in enumerate(raw) if c in special]:
        if spot < done:
            continue
        end = spot + 1
        while end < len(raw) and raw[end] in following:
            end += 1
        start = spot
        if spot > done and raw[spot] in following and not joining.isdisjoint(raw[spot:end]):
            start -= 1
        done = end
        _replace(raw, out, start, end, following)


def _replace(raw: str, out: Rewriter, start: int, end: int, following: set[str]) -> None:
    """Put in one cluster; invisible characters around it belong to no letter."""
    while start < end and not _FORMS[ord(raw[start])]:
        tags = _TAGS.match(raw, start)
        stop = min(tags.end() if tags else start + 1, end)
        out.replace(start, stop, _spell_tags(raw, start, stop))
        start = stop
    keep = end
    while keep > start and not _FORMS[ord(raw[keep - 1])]:
        keep -= 1
    if keep > start:
        new = _cluster(raw[start:keep])
        if new != raw[start:keep]:
            out.replace(start, keep, new)
    if end > keep:
        _replace(raw, out, keep, end, following)


def _cluster(text: str) -> str:
    """A base with its marks; stacked ones and overlays go."""
    if len(text) == 1:
        return _FORMS[ord(text)]
    base = _FORMS[ord(text[0])]
    marks = _OVERLAYS.sub("", _DROPPED.sub("", text[1:]))
    if len(_MARKS.findall(marks)) > _MAX_MARKS:
        marks = _MARKS.sub("", marks)
    return _compose(base + marks[:_MAX_FOREIGN_MARKS])


def _spell_tags(raw: str, start: int, end: int) -> str:
    """Tag characters that carry a hidden text outside a word, spelled out; else nothing."""
    hidden = raw[start:end]
    inside = raw[start - 1 : start].isalnum() and raw[end : end + 1].isalnum()
    if inside or len(hidden) < _MIN_HIDDEN or not _TAGS.fullmatch(hidden):
        return ""
    return f" {''.join(chr(ord(c) - 0xE0000) for c in hidden)} ".lower()


_FORMS = _Forms()
_SINGLES = _Singles()
