from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.detect.lexicon import EXCEPT, Entry, Lexicon
from guardrail.text import Views


def found(text: str, *entries: Entry) -> list[str]:
    return [text[slice(*hit.span)] for hit in Lexicon(entries).hits(Views(text))]


def entry(term: str, *flags: str, label: str = "x") -> Entry:
    return Entry(term, label, 1.0, frozenset(flags))


@pytest.mark.parametrize(
    ("term", "flags", "text", "hits"),
    [
        ("art", (), "art, Cart, artful, modern_art.", ["art", "art"]),
        ("nurse", ("plural",), "nurses nurse nursery", ["nurse", "nurse"]),
        ("paint", ("stem",), "painting repaint", ["paint"]),
        ("paint", ("inside",), "repainted", ["paint"]),
        (
            "low-cut",
            (),
            "low-cut low cut lowcut low_cut",
            ["low-cut", "low cut", "lowcut", "low_cut"],
        ),
        ("oil painting", (), "an oil_painting, an oil painting", ["oil_painting", "oil painting"]),
        ("art", (), "現代artの本", ["art"]),
        ("絵", (), "油絵の具", ["絵"]),
        ("ノート", ("word",), "ノートとノートパソコン", ["ノート"]),
        ("ノート", ("kana",), "のーと", ["のーと"]),
        ("그림", (), "그림을 밑그림", ["그림"]),
        ("كتاب", (), "والكتاب كتاب مكتاب", ["كتاب", "كتاب"]),
        ("élan", ("bare",), "élan elan", ["élan", "elan"]),
        ("élan", (), "elan", []),
    ],
)
def test_word_boundaries(term: str, flags: tuple[str, ...], text: str, hits: list[str]) -> None:
    assert found(text, entry(term, *flags)) == hits


def test_embedding_words_hide_what_they_embed() -> None:
    shield = entry("油絵", label=EXCEPT)
    assert found("油絵と絵", entry("絵"), shield) == ["絵"]
    assert found("油絵", shield) == []


def test_a_term_seen_in_two_views_is_one_hit() -> None:
    assert found("ノート", entry("ノート", "kana")) == ["ノート"]


def test_a_disguised_term_is_marked() -> None:
    (hit,) = Lexicon([entry("painting")]).hits(Views("p a i n t i n g"))
    assert hit.in_skeleton
    assert hit.span == (0, 15)
    assert Lexicon([entry("painting", "exact")]).hits(Views("p a i n t i n g")) == []


def test_an_unreadable_file_is_named() -> None:
    with pytest.raises(ValueError, match=r"rules\.yaml:\d+"):
        Lexicon.load("guardrail.detect.sexual", "data/rules.yaml")


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=120), st.text(max_size=40))
def test_hits_lie_in_the_text(before: str, after: str) -> None:
    text = f"{before} painting {after}"
    hits = Lexicon([entry("painting"), entry("in", "inside")]).hits(Views(text))
    spans = {hit.span for hit in hits if hit.entry.term == "painting"}
    assert (len(before) + 1, len(before) + 9) in spans
    assert all(0 <= start < end <= len(text) for start, end in spans)
