"""Words cut into pieces: in variables that are joined again, or by the end of a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.dense import has_term_across
from guardrail.detect.disguise.segments import is_word
from guardrail.detect.disguise.syllabaries import is_word_across
from guardrail.detect.disguise.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TRICK = "split"

_QUOTED = "|".join(
    f"{opening}([^{closing}\n]{{1,60}}){closing}"
    for opening, closing in ('""', "''", "\u201c\u201d", "\u300c\u300d", "``")
)
_NAME = r"[A-Za-z_][A-Za-z0-9_\[\]]{0,15}"
_BARE = r"([^\W\d_][^\W_]{0,20})(?=\s*[,;\n.&]|\s*$|\s+and\b)"
_LET = re.compile(
    rf"(?<![A-Za-z0-9_.])({_NAME})\s*(?:=|:=|:|は|\bis\b)\s*(?:{_QUOTED}|{_BARE})", re.IGNORECASE
)
_TERM = rf"(?:{_NAME}|{_QUOTED})"
_SUM = re.compile(rf"(?:[(\[{{]\s*)?{_TERM}(?:\s*\+\s*{_TERM})+(?:\s*[)\]}}])?")
_PIECE = re.compile(f"({_NAME})|{_QUOTED}")
_FORMATTED = re.compile(rf"(?:\$?\{{{{?{_NAME}\}}?\}}){{2,}}")
_LIST = re.compile(rf"[\[(]\s*(?:{_QUOTED})(?:\s*,\s*(?:{_QUOTED}))+\s*[\])]")
_JOIN = re.compile(
    r"(?i)join|concat|combin|together|merge|append|つなげ|結合|連結|拼接|합쳐|zusammen|junt"
)
_MOST = 40


def may_be_joined(text: str) -> bool:
    """A quick test that lets through all that `joined` would join."""
    return (
        "+" in text
        or ("=" in text and "{" in text)
        or (("=" in text or '"' in text or "'" in text) and _JOIN.search(text) is not None)
    )


def joined(text: str) -> Iterator[Change]:
    """Expressions that join pieces, as what they amount to."""
    given = _assigned(text) if "=" in text or ":" in text or "は" in text else {}
    used = set[str]()
    if "+" in text:
        yield from _sums(text, given, used)
    if given and "{" in text:
        for match in _FORMATTED.finditer(text):
            names = re.findall(_NAME, match[0])
            if all(name in given for name in names):
                used.update(names)
                yield Change(*match.span(), "".join(given[n] for n in names), TRICK)
    if used:
        yield from _spent(text, used)
    if ('"' in text or "'" in text) and _JOIN.search(text):
        for match in _LIST.finditer(text):
            yield Change(*match.span(), "".join(_quoted(match[0])), TRICK)
    if len(given) > 1 and "+" not in text and _JOIN.search(text):
        yield from _all(text)


def _assigned(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _LET.finditer(text):
        value = next((v for v in match.groups()[1:] if v is not None), "")
        if len(found) < _MOST:
            found[match[1]] = value
    return found


def _spent(text: str, used: Collection[str]) -> Iterator[Change]:
    """Assignments of what is put together elsewhere: they say nothing any more."""
    for match in _LET.finditer(text):
        if match[1] in used:
            behind = _BETWEEN.match(text, match.end())
            yield Change(match.start(), behind.end() if behind else match.end(), " ", TRICK)


_BETWEEN = re.compile(r"\s*[;,]?\s*")


def _sums(text: str, given: dict[str, str], used: set[str]) -> Iterator[Change]:
    """Sums of strings and variables; the names of these are added to `used`."""
    for match in _SUM.finditer(text):
        pieces = []
        for piece in _PIECE.finditer(match[0]):
            name, *quoted = piece.groups()
            value = given.get(name) if name else next((q for q in quoted if q is not None), "")
            if value is None:
                break
            pieces.append(value)
        else:
            plain = "".join(pieces)
            if any(map(str.isalpha, plain)):
                used.update(piece[1] for piece in _PIECE.finditer(match[0]) if piece[1])
                yield Change(*match.span(), plain, TRICK)


def _quoted(text: str) -> Iterator[str]:
    for groups in re.findall(_QUOTED, text):
        yield next(value for value in groups if value)


def _all(text: str) -> Iterator[Change]:
    """Every value of a text that speaks of joining them, put together where the last one stands."""
    matches = list(_LET.finditer(text))
    values = [next((v for v in m.groups()[1:] if v is not None), "") for m in matches]
    last = matches[-1]
    yield Change(*last.span(), "".join(values), TRICK)


_OPEN_END = re.compile(r"[^\W\d_][\s\u2026.,\-+]*\Z")
_LAST, _FIRST = (
    re.compile(r"[^\W\d_]+(?=[\s\u2026.,\-+]*\Z)"),
    re.compile(r"[\s\u2026.\-+]*([^\W\d_]+)"),
)
_SENTENCE = re.compile(r"[.!?](?:\s|\Z)")
_MOST_BEFORE = 600  # code points of a message that the next one may go on with


def across(before: str, after: str, *, close: bool) -> tuple[Change, bool] | None:
    """What a message says that goes on with the one before, as a change of its beginning.

    It then says all that the one before says too. The truth value: whether a word is cut in two.
    None where the message begins anew. close: whether nobody spoke between the two.
    """
    if len(before) > _MOST_BEFORE or not _OPEN_END.search(before):
        return None
    tail, head = _LAST.search(before), _FIRST.match(after)
    if tail is None or head is None:
        return None
    cut = _is_cut(tail[0], head[1]) or (close and _is_torn(tail[0], head[1]))
    if not (cut or _is_linked(tail[0], head[1]) or (close and _goes_on(before, after, head[1]))):
        return None
    joint = "" if cut else before[tail.end() :].rstrip() + " "
    return Change(0, head.end(), before[: tail.end()] + joint + head[1], TRICK), cut


def _is_linked(tail: str, head: str) -> bool | None:
    """Whether a message ends, or the next one begins, with a word that needs the other."""
    link = vocabulary().link
    return tail.lower() in link or head in link or (_JAPANESE.match(head) and tail[-1] in _CASES)


def _goes_on(before: str, after: str, head: str) -> bool:
    """Whether a message in two pieces is sent at once: the next begins in small letters.

    One that answers or asks anew ("now", "make", "the") does not go on, nor does one where the
    first piece has no capital either.
    """
    if not head[0].islower() or head in vocabulary().anew or head in vocabulary().opening:
        return False
    first = _LETTER.search(before)
    return first is not None and (first[0].isupper() or _SENTENCE.search(after) is not None)


_LETTER = re.compile(r"[^\W\d_]")
_JAPANESE = re.compile("[\u3041-\u30ff\u4e00-\u9fff]")
_CASES = "をがにのでとへ"


def _is_torn(tail: str, head: str) -> bool:
    """Whether two messages sent at once tear a word in two that could also be two words."""
    if tail[-1] >= _DENSE and head[0] >= _DENSE:
        return _JAPANESE.match(head) is not None and is_word_across(tail[-_REACH:], head[:_REACH])
    whole, words = (tail + head).lower(), vocabulary()
    if not head[0].islower() or head in words.anew:
        return False
    if whole in words.core:
        return True
    single = min(tail, head, key=len).lower()
    return len(single) == 1 and single not in _WORDS and whole in words.telling


_WORDS = "aeiouy"  # letters that are words by themselves


def _is_cut(tail: str, head: str) -> bool:
    """Whether two pieces are one word that is known, and not two of them."""
    if tail[-1] >= _DENSE and head[0] >= _DENSE:
        return has_term_across(tail[-_REACH:], head[:_REACH])
    tail, head = tail.lower(), head.lower()
    whole = tail + head
    if len(whole) < _LEAST:
        return False
    says = vocabulary().says
    if whole in vocabulary().telling:
        return not (is_word(tail) and says(head))
    if whole in vocabulary().common:
        return not (says(tail) and says(head))
    return is_word(whole) and not (is_word(tail) and is_word(head))


_DENSE = "\u0e00"  # scripts from here on are written without spaces
_REACH, _LEAST = 8, 4
