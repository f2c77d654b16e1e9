"""People spoken of without a name."""

from __future__ import annotations

from functools import cache

import pytest

from guardrail.detect.base import Document
from guardrail.detect.persons import PersonNames
from guardrail.records import Finding, Kind, Operation, Request, Role


@cache
def detector() -> PersonNames:
    return PersonNames()


def find(text: str, operation: Operation = Operation.CHAT) -> list[Finding]:
    return list(detector().detect(Document(Request.of(text, operation))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("draw my ex in a hat", "my ex"),
        ("draw my ex-girlfriend in a hat", "my ex-girlfriend"),
        ("put her coworker in a suit", "her coworker"),
        ("make my old english teacher dance", "my old english teacher"),
        ("the girl in this photo on a horse", "the girl in this photo"),
        ("the cashier at my store as a knight", "the cashier at my store"),
        ("a girl I know as a knight", "a girl I know"),
        ("元カノを描いて", "元カノ"),
        ("私の妹を描いて", "私の妹"),
        ("この写真の女性を描いて", "この写真の女性"),
        ("隣の席の子を描いて", "隣の席の子"),
        ("画一张我同学", "我同学"),
        ("画一下前女友", "前女友"),
        ("전여친 그려줘", "전여친"),
        ("우리 반 여자애 그려줘", "우리 반 여자애"),
        ("dibuja a mi ex", "mi ex"),
        ("dessine mon ex", "mon ex"),
        ("zeichne meine Nachbarin", "meine Nachbarin"),
        ("desenhe minha ex", "minha ex"),
        ("gambar mantan saya", "mantan saya"),
        ("нарисуй мою бывшую", "мою бывшую"),
        ("нарисуй девушку на фото", "девушку на фото"),
        ("ارسم حبيبتي السابقة", "حبيبتي السابقة"),
        ("วาดแฟนเก่าของผม", "แฟนเก่าของผม"),
        ("मेरी पत्नी का चित्र", "मेरी पत्नी"),
        ("vẽ bạn gái cũ của tôi", "bạn gái cũ của tôi"),
        ("narysuj moją siostrę", "moją siostrę"),
        ("teken mijn buurvrouw", "mijn buurvrouw"),
        ("ζωγράφισε την πρώην μου", "την πρώην μου"),
        ("צייר את האקסית שלי", "האקסית שלי"),
        ("隣の奥さんを描いて", "隣の奥さん"),
        ("画隔壁的女生", "隔壁的女生"),
        ("옆집 여자 그려줘", "옆집 여자"),
        ("das Mädchen auf dem Foto", "das Mädchen auf dem Foto"),
        ("la fille sur cette photo", "la fille sur cette photo"),
        ("draw my neighbour's daughter in a hat", "my neighbour's daughter"),
        ("draw the girl who sits next to me", "the girl who sits next to me"),
        ("draw the lady who lives upstairs", "the lady who lives upstairs"),
        ("dibuja al novio de mi hermana", "al novio de mi hermana"),
        ("dessine la fille de ma voisine", "la fille de ma voisine"),
        ("zeichne die Tochter meines Nachbarn", "die Tochter meines Nachbarn"),
        ("desenhe a vizinha do terceiro andar", "a vizinha do terceiro andar"),
        ("komşumun kızı resmini çiz", "komşumun kızı"),
        ("gambar tetangga saya", "tetangga saya"),
        ("画一下我们班的班长", "我们班的班长"),
        ("우리 반 반장 그려줘", "우리 반 반장"),
        ("隣のクラスの委員長を描いて", "隣のクラスの委員長"),
        ("нарисуй жену моего брата", "жену моего брата"),
        ("วาดรูปเจ้าของหอ", "เจ้าของหอ"),
    ],
)
def test_relations_are_found_and_are_no_names(text: str, expected: str) -> None:
    (finding,) = find(text)
    assert finding.span is not None
    assert text[finding.span.start : finding.span.end] == expected
    assert (finding.value, finding.name) == (Kind.RELATIONAL, False)
    assert finding.role is Role.DEPICTED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a photo of @some_one.99 at home", "@some_one.99"),
        ("from instagram.com/some.one please", "instagram.com/some.one"),
    ],
)
def test_accounts_are_private_references(text: str, expected: str) -> None:
    (finding,) = find(text)
    assert finding.span is not None
    assert text[finding.span.start : finding.span.end] == expected
    assert (finding.value, finding.name) == (Kind.PRIVATE, False)


@pytest.mark.parametrize(
    "text",
    [
        "a photo of the current prime minister of Japan",
        "a photo of the actress who played Hermione",
        "a photo of the lead singer of Coldplay",
        "a photo of Tesla's CEO",
        "a photo of the French president",
        "日本の総理大臣を描いて",
        "ハーマイオニー役の女優の写真",
        "画一张美国总统的图",
        "画饰演赫敏的女演员",
        "미국 대통령 그려줘",
        "dibuja al presidente de México",
        "dessine le président de la France",
        "zeichne den Bundeskanzler",
        "desenhe o presidente do Brasil",
        "нарисуй президента России",
        "ارسم رئيس فرنسا",
        "a photo of the host of The Daily Show",
        "a photo of the captain who lifted the 2022 World Cup",
        "a photo of the wife of the former prime minister",
        "a photo of the reigning Miss Universe",
        "dibuja al presentador de El Hormiguero",
        "dessine la femme de l'ancien président",
        "zeichne den Moderator von Wetten dass",
        "desenhe a esposa do ex-presidente",
        "disegna il conduttore di Sanremo",
        "gambar pembawa acara Indonesian Idol",
        "eski başbakanın karısı resmini çiz",
        "нарисуй дочь президента",
        "ارسم زوجة الرئيس السابق",
        "元首相の妻を描いて",
        "画一下春晚的主持人",
        "런닝맨 진행자 그려줘",
        "vẽ vợ của cựu thủ tướng",
    ],
)
def test_descriptions_of_well_known_people_are_public_references(text: str) -> None:
    assert any(f.value == Kind.PUBLIC and not f.name for f in find(text))


@pytest.mark.parametrize(
    "text",
    [
        "my wife and I are planning a trip",
        "my friend asks how taxes work",
        "How do I talk to my boss about a raise?",
        "My sister said she is tired, what should I do?",
    ],
)
def test_speaking_about_somebody_is_a_mention(text: str) -> None:
    assert {f.role for f in find(text)} == {Role.MENTIONED}


@pytest.mark.parametrize(
    "text",
    [
        "write to me@example.com",
        "a girl with a red hat",
        "motherboard and sonnet",
        "母国の兄弟愛",
        "the king of hearts card",
        "大統領選挙について",
        "看板娘を描いて",
        "the president of a chess club",
        "the president of the student council",
        "the king of the jungle",
        "my laptop and our house",
        "meine Katze",
        "私のパソコン",
        "首相官邸",
        "我家的猫",
        "우리 대표팀",
    ],
)
def test_what_only_looks_like_a_reference_is_none(text: str) -> None:
    assert find(text) == []


def test_an_image_operation_depicts_the_relation() -> None:
    (finding,) = find("my wife and a dog", Operation.IMAGE_EDIT)
    assert finding.role is Role.DEPICTED


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a girl who looks exactly like Taylor Swift", "Taylor Swift"),
        ("a woman with the face of Emma Watson", "Emma Watson"),
        ("新垣結衣に激似の女性を描いて", "新垣結衣"),
        ("画长得像刘亦菲的女孩", "刘亦菲"),
    ],
)
def test_a_look_alike_depicts_the_one_it_is_like(text: str, name: str) -> None:
    (finding,) = (f for f in find(text) if f.name)
    assert finding.span is not None
    assert text[finding.span.start : finding.span.end] == name
    assert finding.role is Role.DEPICTED


def test_the_character_that_somebody_played_is_not_the_one_meant() -> None:
    kinds = {f.value for f in find("ハーマイオニー役の女優の写真")}
    assert kinds == {Kind.PUBLIC}


@pytest.mark.parametrize(
    "text",
    [
        "be my girlfriend and talk to me",
        "act as my therapist",
        "sé mi novia",
        "あなたは私の彼女です",
        "你是我女朋友",
        "a widow folds her husband's shirts",
    ],
)
def test_a_part_to_be_played_is_nobody_real(text: str) -> None:
    assert {f.value for f in find(text)} == {Kind.FICTIONAL}


@pytest.mark.parametrize(
    "text", ["pretend you are my ex", "draw her husband", "画我女朋友", "Obama and his wife"]
)
def test_a_relation_of_somebody_real_is_real(text: str) -> None:
    assert Kind.FICTIONAL not in {f.value for f in find(text)}


def test_a_name_inside_an_account_is_the_account() -> None:
    (finding,) = find("a photo of instagram.com/mia.k at home")
    assert (finding.value, finding.name) == (Kind.PRIVATE, False)
