"""What canonical reads through, and what it leaves alone."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from guardrail.text import Views, fold

HERE = Path(__file__).parent


def rows(name: str) -> list[list[str]]:
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def plain(text: str) -> str:
    return text.encode().decode("unicode_escape")


DISGUISED = [
    (plain(t), view, plain(reads), undone) for t, view, reads, undone in rows("disguised.tsv")
]
ORDINARY = rows("ordinary.tsv")


@pytest.mark.parametrize(("text", "view", "reads", "undone"), DISGUISED)
def test_disguise_is_undone(text: str, view: str, reads: str, undone: str) -> None:
    views = Views(text)
    made = views.canonical if view == "canonical" else views.skeleton
    assert made is not None
    assert made.text == reads
    assert views.undone == (frozenset(undone.split()))
    start, end = made.span(0, len(made.text))
    assert (
        reads.strip(".")
        in (Views(text[start:end]).skeleton or Views(text[start:end]).canonical).text
    )


@pytest.mark.parametrize(("text", "view", "reads", "undone"), DISGUISED)
def test_disguise_is_undone_inside_a_sentence(
    text: str, view: str, reads: str, undone: str
) -> None:
    views = Views(f"please draw {text} now")
    made = views.canonical if view == "canonical" else views.skeleton
    assert made is not None
    assert reads.strip() in made.text
    assert set(undone.split()) <= views.undone
    at = made.text.index(reads.strip())
    start, end = made.span(at, at + len(reads.strip()))
    assert start >= len("please draw ") - 1
    assert end <= len("please draw ") + len(text)


@pytest.mark.parametrize("text", [text for _, text in ORDINARY])
def test_ordinary_text_hides_nothing(text: str) -> None:
    views = Views(text)
    assert views.skeleton is None
    assert views.undone == frozenset()


@pytest.mark.parametrize("text", [r[1] for r in ORDINARY if r[0] not in {"en", "fa", "th"}])
def test_ordinary_text_is_only_case_folded(text: str) -> None:
    composed = unicodedata.normalize("NFKC", text).casefold()
    jamo = composed.replace("\u110f", "\u314b")
    assert Views(text).canonical.text == jamo


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("Straße", "strasse"),
        ("\u0130stanbul I\u0307zmir", "istanbul izmir"),
        ("ｶﾞﾝﾀﾞﾑ", "ガンダム"),
        ("e\u0301te\u0301", "été"),
        ("e\u200d\u0301te", "éte"),
        ("ㄱㅏ ㅋㅋ", "ㄱㅏ ㅋㅋ"),
        ("\u1100\u1161\u11a8", "각"),
        ("\ufdfa!", "صلى الله عليه وسلم!"),
        ("½ ™ ﬁ №", "1\u20442 tm fi no"),
        ("\u00b4 \u00a8", "\u00b4 \u00a8"),
        ("a\tb\nc\rd", "a\tb\nc\rd"),
        ("a\x1fb\x85c\u00a0d\u3000e", "a b c d e"),
        ("\ud800a\udfff", "\ud800a\udfff"),
        ("", ""),
        ("🇯🇵", "🇯🇵"),
        ("🇳🇺🇩🇪", "nude"),
    ],
)
def test_folding(text: str, reads: str) -> None:
    assert Views(text).canonical.text == reads


def test_ascii_and_folded_terms_agree() -> None:
    assert fold("Topless", "canonical") == "topless"
    assert fold("ヌード", "kana") == fold("ぬーど", "kana") == fold("ﾇｰﾄﾞ", "kana") == "ぬど"
    assert fold("Straße", "kana") == "strasse"
