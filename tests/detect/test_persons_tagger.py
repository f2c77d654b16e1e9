"""The tagger that revises what the rules say of names: its arithmetic, and what it adds."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.detect import Document
from guardrail.detect.persons import PersonNames
from guardrail.detect.persons.hits import Hit, select
from guardrail.detect.persons.lexicon import ALSO, CUE, GIVEN, SURNAME, latin_words
from guardrail.detect.persons.spelled import SpelledTagger
from guardrail.detect.persons.tagging import (
    FIELD,
    OFFSET,
    TAGS,
    Tagger,
    marks,
    revised,
    shipped,
    spread,
)
from guardrail.detect.persons.tokens import Tokens
from guardrail.records import Kind, Request

NAMES = PersonNames()
FREE = tuple((0,) * TAGS for _ in range(TAGS))


def packed(*fields: int) -> int:
    """The sum of one weight a tag, as a bucket holds it."""
    return sum(field + OFFSET << FIELD * k for k, field in enumerate(fields))


TAGGER = Tagger(2, array("Q", [packed(0, 0, 0, 0)] * 5), FREE, 0.01, -1.0, -3.0)
NOTHING = packed(-500, -500, -500, -500)


def seen(text: str) -> list[str]:
    found = NAMES.detect(Document(Request.of(text)))
    return [text[f.span.start : f.span.end] for f in found if f.name and f.span]


def test_a_name_of_two_units_is_found_between_others() -> None:
    totals = [NOTHING, packed(300, 0, -100, 100), packed(-100, 0, 300, 100), NOTHING]
    (name,) = TAGGER.names(totals, 1)
    assert (name.start, name.end) == (1, 3)
    assert name.odds == pytest.approx(6.0)


def test_units_that_cannot_end_a_name_are_none() -> None:
    assert TAGGER.names([packed(300, -500, -500, -500), NOTHING], 1) == []


def test_a_name_below_the_least_odds_is_none() -> None:
    assert TAGGER.names([packed(-500, -500, -500, -101)], 1) == []
    assert len(TAGGER.names([packed(-500, -500, -500, -99)], 1)) == 1


@given(st.lists(st.tuples(*[st.integers(-500, 500)] * 4), max_size=30))
def test_names_stand_in_order_and_apart_and_count(fields: list[tuple[int, ...]]) -> None:
    names = TAGGER.names([packed(*f) for f in fields], 1)
    ends = [0, *[n.end for n in names]]
    assert all(end <= name.start < name.end for end, name in zip(ends, names, strict=False))
    assert all(name.end <= len(fields) for name in names)


def test_what_the_rules_found_falls_only_where_the_tagger_rules_it_out() -> None:
    ruled = [(0.8, 0, 1), (0.7, 1, 2)]
    totals = [packed(-500, -500, -500, -290), packed(-500, -500, -500, -310)]
    assert revised(TAGGER, totals, 1, ruled) == [(0.8, 0, 1)]


def test_marks_tell_strong_names_from_weak_ones() -> None:
    assert marks([(0.9, 0, 2), (0.5, 3, 4)], 5, 0.8) == [5, 7, 0, 4, 0]


def test_hashes_do_not_move() -> None:
    assert [spread(0, 1), spread(12345, 99)] == [0xF281BE04, 0x54B65054]
    assert len({spread(k, 5) for k in range(1000)}) == 1000


@pytest.mark.parametrize("script", ["latin", "ko"])
def test_shipped_taggers_have_one_bucket_more_than_they_hash_to(script: str) -> None:
    tagger = shipped(script)
    assert len(tagger.table) == (1 << tagger.bits) + 1
    assert tagger.table[-1] == packed(0, 0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "a city street at night, octane render, kodak portra 400, volumetric light",
        "trending on artstation, unreal engine, cinematic lighting, 8k",
        "una tazza di caffè sul tavolo, luce del mattino",
        "stel een wekker in voor morgen om zeven uur",
        "비가 오는 날 창가에 앉은 고양이 그림",
    ],
)
def test_style_words_and_plain_requests_name_nobody(text: str) -> None:
    assert seen(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("portrait of wilhelmina okonkwo, oil painting", "wilhelmina okonkwo"),
        ("I met Marek Dvornik at the station.", "Marek Dvornik"),
        ("박서준 기자가 전화를 받았다.", "박서준"),
    ],
)
def test_unknown_names_are_found(text: str, name: str) -> None:
    assert seen(text) == [name]


@settings(max_examples=60)
@given(st.text(st.sampled_from("Ab é김민수씨 는.\ud800\udfff@'-1"), max_size=60))
def test_any_text_is_safe(text: str) -> None:
    for finding in NAMES.detect(Document(Request.of(text))):
        assert finding.span is not None
        assert 0 <= finding.span.start < finding.span.end <= len(text)
        assert 0 <= finding.score <= 1


def test_a_listed_name_inside_a_longer_one_frees_what_stands_beside_it() -> None:
    longer = Hit(0, 16, Kind.PRIVATE, 0.6)
    listed = Hit(0, 12, Kind.PUBLIC, 0.9, known=True)
    beside = Hit(13, 16, Kind.PRIVATE, 0.5)
    assert select([beside, listed, longer]) == [listed, beside]


@pytest.mark.parametrize(
    "word",
    [
        "güzel çocuk",
        "kitap",
        "người đàn ông",
        "khỏa thân",
        "quan hệ",
        "makanan enak",
        "kehidupan",
        "criança",
        "queijo",
        "coisas bonitas",
        "forchetta",
        "vasca da bagno",
        "mujer",
        "abejas",
        "magagawa",
        "kaibigan",
        "människa",
        "flicka",
        "książka",
        "zewnętrzny",
        "沙滩",
        "顾客",
        "永恒",
        "伊朗",
        "巴黎",
        "강아지",
        "드레스",
        "레깅스",
        "仕事",
        "友達",
        "D",
        "3d",
    ],
)
def test_ordinary_words_by_themselves_are_nobody(word: str) -> None:
    assert seen(word) == []


@pytest.mark.parametrize(
    "text",
    [
        "Nguyễn Văn Hùng",
        "ayşe yılmaz",
        "Gabriella Montalti, spiaggia",
        "김민지 사진",
        "王晓东的照片",
    ],
)
def test_names_by_themselves_are_names(text: str) -> None:
    assert seen(text)


def test_a_word_is_judged_by_its_own_text_whatever_was_read_before() -> None:
    lexicon = latin_words()
    names = [word for word, flags in lexicon.items() if flags >= ALSO and flags & (GIVEN | SURNAME)]
    cues = " ".join(word for word, flags in lexicon.items() if flags >= CUE and word.isalpha())
    tagger = SpelledTagger()
    for name in names[:20]:
        for text in (f"a walk with {name}", f"{cues[:60]} {name}", f"a walk with {name}"):
            tokens = Tokens(text, lexicon)
            assert [known.word.flags for known in tagger._known(tokens)] == tokens.flags
