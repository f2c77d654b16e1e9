"""One spelling for kana."""

from __future__ import annotations

import pytest

from guardrail.text import Views


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("ヌード", "ぬど"),
        ("ヌ〜ド", "ぬど"),
        ("ヌ\uff5eド", "ぬど"),
        ("ヌ-ド", "ぬど"),
        ("ヌ―ド", "ぬど"),
        ("ヌ一ド", "ぬど"),
        ("又ード", "ぬど"),
        ("口リ", "ろり"),
        ("キャッチ", "きやつち"),
        ("ヴァイオリン", "ゔあいおりん"),
        ("三ヶ月", "三け月"),
        ("ジョン・スミス", "じよんすみす"),
        ("裸・体です", "裸体です"),
        ("こゝろ みすゞ", "こころ みすず"),
        ("ハヾ", "はば"),
        ("ー", "ー"),
        ("- カメラ - 三脚", "- かめら - 三脚"),
        ("人口は一億、ビル二階", "人口は一億、びる二階"),
    ],
)
def test_kana_is_unified(text: str, reads: str) -> None:
    assert Views(text).kana.text == reads


@pytest.mark.parametrize("text", ["A nude", "Ärzte", "画像・写真", "Нарисуй", "x - y", ""])
def test_text_without_kana_shares_its_canonical_view(text: str) -> None:
    views = Views(text)
    assert views.kana is views.canonical


def test_span_skips_nothing_before_and_holds_the_long_mark() -> None:
    text = "彼女のヌーーード写真"
    view = Views(text).kana
    at = view.text.index("ぬど")
    assert view.span(at, at + 2) == (3, 8)
    assert view.span(at, at + 1) == (3, 4)


def test_half_width_kana_map_to_both_halves() -> None:
    view = Views("x ﾇｰﾄﾞ").kana
    assert view.text == "x ぬど"
    assert view.span(2, 4) == (2, 6)
    assert view.span(3, 4) == (4, 6)
