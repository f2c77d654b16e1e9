from __future__ import annotations

import pytest

from guardrail.detect.base import Document
from guardrail.detect.obfuscation import Obfuscation
from guardrail.records import Request, TextPart

detector = Obfuscation()


def undone(*texts: str) -> list[str]:
    request = Request(parts=tuple(TextPart(text) for text in texts))
    found = list(detector.detect(Document(request)))
    assert all(f.label == "obfuscated" and f.score == 1.0 for f in found)
    return [f.value for f in found]


@pytest.mark.parametrize(
    "text",
    [
        "a plain text",
        "海辺の写真",
        "ＡＢＣ商事の写真を１０枚",
        "ﾃｽﾄです",
        "naïve café",
        "👩‍👩‍👧 at home",
        "",
    ],
)
def test_ordinary_writing_is_no_disguise(text: str) -> None:
    assert undone(text) == []


def test_each_disguise_is_named_once() -> None:
    assert "invisible" in undone("be\u200bach")
    assert "confusable" in undone("b\u0435ach")
    assert "width" in undone("b\uff45a\uff43h")
    assert undone("be\u200bach", "sa\u200bnd") == ["invisible"]
