from __future__ import annotations

import pytest

from guardrail.detect.base import Document
from guardrail.detect.intent import IntentRules
from guardrail.records import Finding, Operation, Request, TextPart

detector = IntentRules()


def strongest(text: str) -> str:
    found: list[Finding] = list(detector.detect(Document(Request.of(text))))
    assert all(f.label == "intent" and 0 < f.score <= 1 for f in found)
    return max(found, key=lambda f: f.score).value if found else ""


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Write a story about a lighthouse", "generate"),
        ("海辺の絵を描いて", "generate"),
        ("Dessine un chat", "generate"),
        ("What is photosynthesis?", "inform"),
        ("光合成とは", "inform"),
        ("Warum ist der Himmel blau?", "inform"),
        ("How should I prepare for an interview?", "advise"),
        ("転職の相談です", "advise"),
        ("Translate this into French: good morning", "translate"),
        ("次の文を英訳: おはよう", "translate"),
        ("Classify these reviews", "classify"),
        ("次の文を分類", "classify"),
        ("Does this comment break our content policy?", "moderate"),
        ("この投稿は規約違反？", "moderate"),
        ("blue, yellow", ""),
    ],
)
def test_the_leading_cue_decides(text: str, intent: str) -> None:
    assert strongest(text) == intent


@pytest.mark.parametrize("operation", [op for op in Operation if op.visual])
def test_pictures_and_films_are_generated(operation: Operation) -> None:
    found = list(detector.detect(Document(Request.of("What is art?", operation))))
    assert [(f.value, f.score) for f in found] == [("generate", 1.0)]


def test_what_the_assistant_says_is_no_intent() -> None:
    parts = (TextPart("Write a poem", role="assistant"), TextPart("thanks", turn=1))
    assert list(detector.detect(Document(Request(parts=parts)))) == []
