"""What a disguised text says once leet, separators and repeated letters are undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.text.spans import Edits, Rewriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from guardrail.text.disguise import Disguise
    from guardrail.text.views import View

TRICKS = frozenset({"confusable", "separators", "leet", "repeats"})
"""What `undo` may say it has undone."""

# A digit or sign between letters, at the end of a word, or before its first letter.
LEET_SIGN = re.compile(
    r"[0-9@$€£¢¥!](?:(?<=[a-z].)(?:(?=[0-9@$€£¢¥!]{0,2}[a-z])|(?<=[a-z]{3}[^!])(?![a-z0-9]))"
    r"|(?<![a-z0-9].)(?=[a-z]{2}))"
)
_GAP = ' \t.\\-_*|/\\\\^,:;"+~\u00b7\u2010-\u2015\u2022\u2026\u2212\u2219\u22c5'
_GAP += "\u2605\u2606\u2661\u2665\u25cb\u25cf\u25ef\u30fb"
_CJK = "\u3005\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u9fff"
_AFTER_LONE = "|".join(f"(?<=[^\\W\\d_][{_GAP}]{{{width}}}\\d)" for width in range(1, 6))
_AFTER_LONE = f"(?:{_AFTER_LONE})"
# A lone letter between gaps with another one behind; a sign inside a word cut short; a lone
# Chinese or Japanese character before a sign with another behind.
_GAP_HINT = re.compile(
    f"[{_GAP}](?:(?:[^\\W\\d_]|[@$])[{_GAP}]{{1,4}}(?:[^\\W_]|[@$])"
    f"|\\d{_AFTER_LONE}[{_GAP}]{{1,4}}[^\\W\\d_])(?![^\\W_{_CJK}]|\\.\\d)"
    "|[.^*\u00b7\u2022\u2219\u22c5](?=[a-z])(?<=[a-z].)"
    "|[-_](?<=[a-z].)(?=[a-z]{1,2}(?![a-z]))"
)
_CJK_HINT = re.compile(
    f"[{_CJK}](?<![{_CJK}].)[{_GAP}]{{1,3}}[{_CJK}]|[{_CJK}][{_GAP}][{_CJK}](?![{_CJK}])"
)
_PAIR = 2  # letters of a short word among others that are spelled out
_WIDE_GAP = re.compile(r"[ \t]{2,}")
_REPEAT_HINT = re.compile(r"([a-z])\1\1")
_ACCENT_HINT = re.compile("[\u00e0-\u00f6\u00f8-\u024f\u1e00-\u1eff]{4}")


def undo(canonical: View) -> tuple[View | None, frozenset[str]]:
    """The skeleton of a canonical view, None where nothing looks disguised, and what was undone.

    Weak evidence, such as a digit at the end of a word, makes a skeleton but is not reported.
    """
    text = canonical.text
    if not _looks_disguised(text):
        return None, frozenset()
    from guardrail.text.disguise import PASSES

    view, undone = canonical, set[str]()
    for name, find in PASSES:
        view, sure = _apply(view, find(view))
        if sure:
            undone.add(name)
        if name == "separators":
            view = _unmask(view, undone)
    if view is canonical:
        return None, frozenset()
    return _unify(view), frozenset(undone)


def settle(
    canonical: View, choose: Callable[[str, str, str], str]
) -> tuple[View, list[tuple[int, int]]]:
    """A text that is surely disguised, in one reading, and the original ranges of the disguises.

    Leet is left as it is. choose: what a place reads, given the disguise, what is written there,
    and its readings parted by spaces.
    """
    from guardrail.text.disguise import PASSES, Disguise

    view, places = canonical, list[tuple[int, int]]()
    for name, find in PASSES:
        found = [d for d in find(view) if d.sure or len(d.reading) == _PAIR]
        found = [] if name == "leet" else found
        places += [view.span(d.start, d.end) for d in found]
        text = view.text
        one = [d._replace(reading=choose(name, text[d.start : d.end], d.reading)) for d in found]
        view, _ = _apply(view, one)
        if name == "separators":
            view = _unmask(view, set())
    wide = [Disguise(*m.span(), " ", sure=True) for m in _WIDE_GAP.finditer(view.text)]
    return _apply(view, wide)[0], places


def _looks_disguised(text: str) -> bool:
    """A quick test that lets through nothing the passes would undo, but some they would not."""
    if LEET_SIGN.search(text) or _GAP_HINT.search(text) or _REPEAT_HINT.search(text):
        return True
    return not text.isascii() and bool(_ACCENT_HINT.search(text) or _CJK_HINT.search(text))


def _apply(view: View, found: Iterable[Disguise]) -> tuple[View, bool]:
    """The view with the disguises undone, and whether any of them surely was one."""
    out, done, sure = Rewriter(view.text), -1, False
    for disguise in sorted(found):
        if disguise.start >= done:
            out.replace(disguise.start, disguise.end, disguise.reading)
            done, sure = disguise.end, sure or disguise.sure
    return (view, False) if done < 0 else (view.derive(out.text(), out.edits), sure)


def _unmask(view: View, undone: set[str]) -> View:
    """Lookalikes again, now that the letters of a word stand together."""
    if view.text.isascii():
        return view
    from guardrail.text.confusables import unmask

    text = unmask(view.text)
    if text == view.text:
        return view
    undone.add("confusable")
    return view.derive(text, Edits())


def _unify(view: View) -> View:
    if view.text.isascii():
        return view
    from guardrail.text.kana import unify

    return unify(view)
