"""Scripts are told apart by their letters."""

from __future__ import annotations

import pytest

from guardrail.text import (
    has_han,
    has_hangul,
    has_japanese,
    has_kana,
    is_latin,
    script_runs,
    scripts_of,
)


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        ("A cat, 4k", {"latin"}),
        ("Việt \uff21 ﬁ", {"latin"}),
        ("猫のイラスト", {"han", "kana"}),
        ("ｶﾞ", {"kana"}),
        ("画一只猫", {"han"}),
        ("고양이 ㅋㅋ", {"hangul"}),
        ("Нарисуй cat", {"cyrillic", "latin"}),
        ("Ζωγράφισε", {"greek"}),
        ("ارسم", {"arabic"}),
        ("צייר", {"hebrew"}),
        ("วาด", {"thai"}),
        ("चित्र", {"devanagari"}),
        ("123 !?", set()),
        ("", set()),
    ],
)
def test_scripts(text: str, scripts: set[str]) -> None:
    assert scripts_of(text) == scripts
    assert has_kana(text) is has_japanese(text) is ("kana" in scripts)
    assert has_han(text) is ("han" in scripts)
    assert has_hangul(text) is ("hangul" in scripts)
    assert is_latin(text) is (scripts <= {"latin"})


def test_runs_have_their_place() -> None:
    assert list(script_runs("猫のcat!")) == [("han", 0, 1), ("kana", 1, 2), ("latin", 2, 5)]
