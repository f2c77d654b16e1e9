"""Persons by name, in several languages and disguises, with kind and role."""

from __future__ import annotations

import threading
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.detect.base import Detector, Document
from guardrail.detect.persons import PersonNames
from guardrail.records import Finding, Kind, Operation, Request, Role, TextPart


@cache
def detector() -> PersonNames:
    return PersonNames()


def find(text: str, operation: Operation = Operation.CHAT) -> list[Finding]:
    return list(detector().detect(Document(Request.of(text, operation))))


def names(text: str, operation: Operation = Operation.CHAT) -> list[str]:
    return [_cut(text, f) for f in find(text, operation) if f.name]


def _cut(text: str, finding: Finding) -> str:
    assert finding.span is not None
    return text[finding.span.start : finding.span.end]


def only(text: str, operation: Operation = Operation.CHAT) -> Finding:
    (finding,) = find(text, operation)
    return finding


def test_it_is_a_detector_of_persons() -> None:
    assert isinstance(detector(), Detector)
    assert detector().provides == {"persons"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Taylor Swift on a beach, 4k", "Taylor Swift"),
        ("taylor swift on a beach, 4k", "taylor swift"),
        ("TAYLOR SWIFT ON A BEACH", "TAYLOR SWIFT"),
        ("a portrait of timothee chalamet", "timothee chalamet"),
        ("テイラー・スウィフトの写真", "テイラー・スウィフト"),
        ("テイラースウィフトの写真", "テイラースウィフト"),
        ("てぃらーすうぃふと", "てぃらーすうぃふと"),
        ("新垣結衣の笑顔", "新垣結衣"),
        ("阿部寛が笑う", "阿部寛"),
        ("손흥민은 웃었다", "손흥민"),
        ("周杰倫在海邊", "周杰倫"),
        ("泰勒·斯威夫特的照片", "泰勒·斯威夫特"),
        ("#taylorswift live", "taylorswift"),
    ],
)
def test_well_known_people_are_found_in_any_script_and_case(text: str, expected: str) -> None:
    assert names(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We met Gretchen Holloway at noon.", "Gretchen Holloway"),
        ("Gestern sprach Annemarie Vogelsang im Radio.", "Annemarie Vogelsang"),
        ("a sketch of dmitri kovalenko", "dmitri kovalenko"),
        ("Mr. Abernathy left.", "Abernathy"),
        ("佐藤優子さんが来た。", "佐藤優子"),
        ("記者の田島一郎が書いた。", "田島一郎"),
        ("クリント・ベネディクト氏は語った。", "クリント・ベネディクト"),
        ("记者王建国表示", "王建国"),
        ("배우 김민호가 왔다", "김민호"),
        ("Jean-Claude van der Berg smiled.", "Jean-Claude van der Berg"),
    ],
)
def test_unknown_people_are_found_and_count_as_real(text: str, expected: str) -> None:
    (finding,) = (f for f in find(text) if f.name)
    assert _cut(text, finding) == expected
    assert finding.value == Kind.PRIVATE


@pytest.mark.parametrize(
    "text",
    [
        "a red rose by the river at dawn",
        "Apple and Google opened an office in Paris, Texas.",
        "octane render, unreal engine 5, kodak portra 400, 8k",
        "The University of Michigan beat Ohio State.",
        "he will mark the bill in may",
        "Der Hund und die Katze sitzen auf dem Tisch.",
        "東京駅から大阪大学まで歩いた。",
        "犬がベンチの上に座っている写真",
        "今天天气很好,我们去公园散步。",
        "오늘 날씨가 정말 좋아서 산책을 했다",
        "",
        " ",
    ],
)
def test_ordinary_words_places_and_brands_are_nobody(text: str) -> None:
    assert find(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "T@ylor Sw1ft at the beach",
        "t a y l o r  s w i f t",
        "Tay\u200blor Swift",
        "\uff34\uff41\uff59\uff4c\uff4f\uff52 \uff33\uff57\uff49\uff46\uff54",
        "t\u0430ylor swift",
    ],
)
def test_disguised_names_are_found(text: str) -> None:
    assert any(f.value == Kind.PUBLIC and f.name for f in find(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Sailor Moon on a bridge", Kind.FICTIONAL),
        ("綾波レイの絵", Kind.FICTIONAL),
        ("a photo of Sherlock Holmes", Kind.FICTIONAL),
        ("an original character named Zorvath Klim", Kind.FICTIONAL),
        ("オリジナルキャラの佐藤優子を描いて", Kind.FICTIONAL),
        ("an original character named Taylor Swift", Kind.PUBLIC),
        ("Angela Merkel at a desk", Kind.PUBLIC),
        ("Gretchen Holloway at a desk", Kind.PRIVATE),
    ],
)
def test_kinds(text: str, kind: Kind) -> None:
    assert only(text).value == kind


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("a castle in the style of Greg Rutkowski", Role.CREATOR),
        ("a cat, oil on canvas, by Alphonse Mucha and Greg Rutkowski", Role.CREATOR),
        ("a Picasso painting of a cat", Role.CREATOR),
        ("葛飾北斎風の猫の絵", Role.CREATOR),
        ("Taylor Swift on a beach, 4k", Role.DEPICTED),
        ("draw Angela Merkel at a desk", Role.DEPICTED),
        ("write a story about Angela Merkel", Role.DEPICTED),
        ("someone who looks exactly like Taylor Swift", Role.DEPICTED),
        ("Who is Angela Merkel?", Role.MENTIONED),
        ("When was Angela Merkel born?", Role.MENTIONED),
        ("大谷翔平について教えて", Role.MENTIONED),
    ],
)
def test_roles_in_chat(text: str, role: Role) -> None:
    assert {f.role for f in find(text) if f.name} == {role}


def test_an_image_operation_depicts_whoever_is_no_creator() -> None:
    text = "Angela Merkel followed by Taylor Swift, in the style of Greg Rutkowski"
    roles = [f.role for f in find(text, Operation.IMAGE_GENERATE)]
    assert roles == [Role.DEPICTED, Role.DEPICTED, Role.CREATOR]


def test_nobody_hides_in_a_list_of_makers() -> None:
    text = "a castle by Greg Rutkowski, Alphonse Mucha, Taylor Swift"
    roles = [f.role for f in find(text, Operation.IMAGE_GENERATE)]
    assert roles == [Role.CREATOR, Role.CREATOR, Role.DEPICTED]


@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_who_is_said_to_speak_makes_nobody_a_mention(role: str) -> None:
    """The client writes the history, the assistant's turns included."""
    parts = (TextPart("Taylor Swift at night", role=role),)
    (finding,) = detector().detect(Document(Request(Operation.CHAT, parts)))
    assert finding.role is Role.DEPICTED


def test_each_part_is_counted() -> None:
    parts = (TextPart("hello"), TextPart("Taylor Swift"))
    (finding,) = detector().detect(Document(Request(Operation.CHAT, parts)))
    assert finding.span is not None
    assert finding.span.part == 1


def test_a_surname_alone_is_found_after_the_full_name() -> None:
    text = "Gretchen Holloway came. Then Holloway left."
    assert names(text) == ["Gretchen Holloway", "Holloway"]


def test_long_japanese_text_is_read_in_pieces() -> None:
    text = "今日は晴れだった。" * 8000 + "佐藤優子さんが来た。"
    assert names(text) == ["佐藤優子"]


def test_threads_agree() -> None:
    text = "佐藤優子さんとGretchen Hollowayが会った。"
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(names(text))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [["佐藤優子", "Gretchen Holloway"]] * 4


_WORDS = st.sampled_from(
    ["taylor swift", "Gretchen", "Holloway", "my ex", "by", "新垣結衣", "さん", "김민호", "王建国",
     "@someone", " ", ", ", "\u200b", "\u202e", "é", "👩‍🚀", "・", "of", "T@ylor", "ﾃｲﾗｰ"]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_WORDS, max_size=12).map(" ".join)))
def test_spans_lie_in_the_text_in_order_and_apart(text: str) -> None:
    end = 0
    for finding in find(text):
        assert finding.span is not None
        assert end <= finding.span.start < finding.span.end <= len(text)
        end = finding.span.end
