"""One spelling for kana: hiragana, full size, without long marks and middle dots."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from guardrail.text.confusables import KATAKANA
from guardrail.text.spans import Rewriter

if TYPE_CHECKING:
    from guardrail.text.views import View

_KATA = "\u30a1-\u30fa"
_KANA = f"\u3041-\u3096{_KATA}"
_LETTER = f"{_KANA}\u3005\u3400-\u9fff"
_DASH = "\\-\u2010-\u2015\u2212\u2500"

_HAS_KANA = re.compile(f"[{_KANA}\u30fc-\u30fe\u309d\u309e]")
_ITERATION = re.compile("(.)([\u309d\u309e\u30fd\u30fe])")
_LOOKALIKE = re.compile(
    f"(?<=[{_KATA}\u30fc])[{''.join(KATAKANA)}](?=[{_KATA}\u30fc]|[^{_LETTER}]|\\Z)"
    f"|(?<![{_LETTER}])[{''.join(KATAKANA)}](?=[{_KATA}\u30fc])"
)
_DROPPED = re.compile(
    f"(?<=[{_KANA}])[\u30fc~\u301c]+"
    f"|(?<=[{_LETTER}\u30fc])\u30fb+(?=[{_LETTER}])"
    f"|(?<=[{_KATA}])[{_DASH}](?=[{_KATA}])"
)
_UNIFIED = {code: code - 0x60 for code in range(0x30A1, 0x30F7)} | {
    ord(small): ord(large)
    for small, large in zip("ぁぃぅぇぉっゃゅょゎゕゖ", "あいうえおつやゆよわかけ", strict=True)
}
_UNIFIED |= {code: _UNIFIED.get(code - 0x60, code - 0x60) for code in range(0x30A1, 0x30F7)}
_VOICED = "\u309e\u30fe"


def unify(canonical: View) -> View:
    """The kana view of a canonical one; the same object where it has no kana."""
    text = canonical.text
    if not _HAS_KANA.search(text):
        return canonical
    text = _ITERATION.sub(_repeat, text)
    text = _LOOKALIKE.sub(lambda m: KATAKANA[m[0]], text)
    out = Rewriter(text)
    for match in _DROPPED.finditer(text):
        out.replace(match.start(), match.end(), "")
    return canonical.derive(out.text().translate(_UNIFIED), out.edits)


def _repeat(match: re.Match[str]) -> str:
    """The kana before an iteration mark again, voiced where the mark is."""
    kana, mark = match.groups()
    if not _HAS_KANA.match(kana):
        return match[0]
    plain = unicodedata.normalize("NFD", kana)[0]
    if mark not in _VOICED:
        return kana + plain
    voiced = unicodedata.normalize("NFC", plain + "\u3099")
    return kana + (voiced if len(voiced) == 1 else plain)
