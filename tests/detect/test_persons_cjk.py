"""Personal names in Chinese, Japanese, Korean and other scripts without Latin letters."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.detect.base import Document
from guardrail.detect.persons import PersonNames
from guardrail.detect.persons.hanzi import Surroundings
from guardrail.detect.persons.inflection import inflected
from guardrail.detect.persons.segmentation import Page, segment
from guardrail.detect.persons.tagging import shipped
from guardrail.records import Finding, Kind, Request


@cache
def detector() -> PersonNames:
    return PersonNames()


def find(text: str) -> list[Finding]:
    return list(detector().detect(Document(Request.of(text))))


def names(text: str) -> list[str]:
    return [text[f.span.start : f.span.end] for f in find(text) if f.name and f.span]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("记者李晓燕报道", ["李晓燕"]),
        ("記者陳淑芬報導", ["陳淑芬"]),
        ("主持人欧阳雪梅在节目中透露", ["欧阳雪梅"]),
        ("导演王建业与演员周晓丽出席", ["王建业", "周晓丽"]),
        ("数学家阿尔贝托·费尔南德斯证明了定理", ["阿尔贝托·费尔南德斯"]),
        ("今天天气很好，我们去公园散步", []),
        ("苹果发布了新手机，售价五千元", []),
        ("多倫多、溫哥華和蒙特利爾", []),
    ],
)
def test_chinese_names(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_a_chinese_name_is_found_again_where_nothing_speaks_for_it() -> None:
    assert names("记者李晓燕报道。后来有人说起李晓燕。").count("李晓燕") == 2


def test_the_name_of_an_account_is_no_personal_name() -> None:
    assert names("转发 @王建国工作室 的消息") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("俳優の高橋健太郎が結婚した。", ["高橋健太郎"]),
        ("ハリウッド女優マリア・フェルナンデスの写真", ["マリア・フェルナンデス"]),
        ("田中美咲ちゃん、こっち向いて", ["田中美咲"]),
        ("東京駅から大阪城まで歩いた。", []),
        ("サイバーパンクの街並み、ネオン、高画質", []),
    ],
)
def test_japanese_names(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("배우 박지훈이 결혼한다", ["박지훈"]),
        ("최민서 씨는 웃었다", ["최민서"]),
        ("고양이가 소파에서 자고 있다", []),
    ],
)
def test_korean_names(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("портрет Ольги Кузнецовой", ["Ольги Кузнецовой"]),
        ("нарисуй иван петров", ["иван петров"]),
        ("портрет Олени Коваленко", ["Олени Коваленко"]),
        ("صورة فاطمة الزهراني", ["فاطمة الزهراني"]),
        ("ציור של רונית כהן", ["רונית כהן"]),
        ("सुनीता शर्मा की तस्वीर", ["सुनीता शर्मा"]),
        ("นางสาวสมใจ รักดี", ["สมใจ รักดี"]),
        ("πορτρέτο του Γιώργου Παπαδόπουλου", ["Γιώργου Παπαδόπουλου"]),
    ],
)
def test_names_in_other_scripts(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Сегодня хорошая погода в Москве.",
        "вера, надежда и любовь",
        "كيف حالك اليوم يا صديقي",
        "מזג האוויר נעים היום",
        "आज मौसम अच्छा है",
        "นางแบบเดินแบบในสวน",
        "όμορφη πόλη δίπλα στη θάλασσα",
    ],
)
def test_ordinary_words_in_other_scripts_are_nobody(text: str) -> None:
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("фото Тейлор Свифт", Kind.PUBLIC),
        ("горжусь Илоном Маском", Kind.PUBLIC),
        ("портрет Анджелины Джоли", Kind.PUBLIC),
        ("صورة تايلور سويفت", Kind.PUBLIC),
        ("टेलर स्विफ्ट की तस्वीर", Kind.PUBLIC),
        ("斯嘉丽·约翰逊的照片", Kind.PUBLIC),
        ("史嘉蕾喬韓森的照片", Kind.PUBLIC),
        ("Гермиону в библиотеке", Kind.FICTIONAL),
        ("林黛玉葬花", Kind.FICTIONAL),
    ],
)
def test_well_known_names_in_other_scripts_and_cases(text: str, kind: Kind) -> None:
    (finding,) = find(text)
    assert finding.value == kind


def test_slavic_names_have_their_cases() -> None:
    assert {"марии ивановой", "марию иванову"} <= inflected("мария иванова")
    assert {"владимира путина", "владимиром путиным"} <= inflected("владимир путин")
    assert inflected("john smith") == {"john smith"}


@given(st.text(alphabet="北京王小明的·abc。說 ", max_size=30))
def test_a_segmentation_covers_a_text_once(text: str) -> None:
    words = segment(text)
    assert [i for start, end, _ in words for i in range(start, end)] == list(range(len(text)))


@given(st.text(alphabet="北京王小明的·ab。說@ ", max_size=30))
def test_every_character_has_buckets_of_the_table(text: str) -> None:
    tagger = shipped("zh")
    around = Surroundings(Page(text), [], tagger.bits, everywhere=True)
    for i in range(len(text)):
        assert all(0 <= bucket < 1 << tagger.bits for bucket in around.at(i))


@given(st.text(max_size=60))
def test_spans_lie_inside_any_text(text: str) -> None:
    for finding in find(text):
        assert finding.span is not None
        assert 0 <= finding.span.start < finding.span.end <= len(text)
