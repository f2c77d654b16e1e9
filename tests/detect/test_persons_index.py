"""The index of well-known names."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.detect.persons.index import NameIndex, is_built, listed
from guardrail.records import Kind

NAMES = [
    ("Ada Quill", Kind.PUBLIC, ""),
    ("Ada Quillfeather", Kind.FICTIONAL, ""),
    ("Zoë Brandt", Kind.PUBLIC, ""),
    ("Rook", Kind.FICTIONAL, "c"),
    ("アダ・クイルフェザー", Kind.PUBLIC, ""),
    ("阿达·奎尔", Kind.PUBLIC, ""),
]


def found(index: NameIndex, text: str) -> list[tuple[str, Kind | None]]:
    return [(text[e.start : e.end], e.kind) for e in index.find(text)]


def test_the_longest_name_wins_and_words_are_whole() -> None:
    index = NameIndex.build(NAMES)
    assert found(index, "ada quill, ada quillfeather, ada quills") == [
        ("ada quill", Kind.PUBLIC),
        ("ada quillfeather", Kind.FICTIONAL),
    ]


def test_diacritics_spaces_and_dots_do_not_matter() -> None:
    index = NameIndex.build(NAMES)
    assert found(index, "zoe brandt") == [("zoe brandt", Kind.PUBLIC)]
    assert found(index, "アダ クイルフェザーが") == [("アダ クイルフェザー", Kind.PUBLIC)]
    assert found(index, "見た阿达奎尔说") == [("阿达奎尔", Kind.PUBLIC)]


def test_unified_kana_are_searched_apart() -> None:
    index = NameIndex.build(NAMES)
    assert list(index.find("これはあだくいるふえざだ")) == []
    assert [e.kind for e in index.find_kana("これはあだくいるふえざだ")] == [Kind.PUBLIC]


def test_a_shared_name_is_real_and_context_is_kept() -> None:
    index = NameIndex.build([*NAMES, ("Rook", Kind.PUBLIC, "")])
    (entry,) = index.find("rook")
    assert (entry.kind, entry.context) == (Kind.PUBLIC, True)


def test_a_thing_shares_a_name_or_has_one_of_its_own() -> None:
    index = NameIndex.build([*NAMES, ("Ada Quill", None, "u"), ("Quill & Sons", None, "t")])
    own, shared = index.find("quill & sons sold ada quill bags")
    assert (own.kind, own.thing, own.context) == (None, True, False)
    assert (shared.kind, shared.thing, shared.context) == (Kind.PUBLIC, True, False)


def test_names_begin_after_articles_and_end_before_case_endings() -> None:
    index = NameIndex.build([*NAMES, ("فيروزة", Kind.PUBLIC, ""), ("ณเดชน์", Kind.PUBLIC, "")])
    assert found(index, "ami d'ada quill") == [("ada quill", Kind.PUBLIC)]
    assert found(index, "zoë brandt'ın evi") == [("zoë brandt", Kind.PUBLIC)]
    assert found(index, "صورة لفيروزة") == [("فيروزة", Kind.PUBLIC)]
    assert found(index, "วาดรูปณเดชน์ที่ทะเล") == [("ณเดชน์", Kind.PUBLIC)]


def test_a_saved_index_opens_and_answers_alike(tmp_path: Path) -> None:
    index = NameIndex.build(NAMES)
    index.save(tmp_path / "names.trie")
    opened = NameIndex.open(tmp_path / "names.trie")
    assert len(opened) == len(index)
    assert list(opened.find("by zoë brandt and rook")) == list(index.find("by zoë brandt and rook"))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_places_lie_in_the_text_in_order(text: str) -> None:
    end = 0
    for entry in NameIndex.build(NAMES).find(text.casefold()):
        assert end <= entry.start < entry.end <= len(text.casefold())
        end = entry.end


def test_the_shipped_index_is_that_of_its_lists() -> None:
    assert is_built(), "run python -m training.familiar"
    shipped, anew = NameIndex.shipped(), NameIndex.build(listed())
    names = [name for name, _, _ in listed()]
    assert len(shipped) == len(anew)
    for text in (" ".join(names), ", ".join(names).lower()):
        assert list(shipped.find(text)) == list(anew.find(text))
        assert list(shipped.find_kana(text)) == list(anew.find_kana(text))
