"""Names in Latin script: what the tagger sums, who is found in which language, who only makes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.detect import Document
from guardrail.detect.persons import PersonNames
from guardrail.detect.persons.latin import LatinNames, apart
from guardrail.detect.persons.lexicon import COMMON, latin_words, rows
from guardrail.detect.persons.spelled import SUMMED, SpelledTagger
from guardrail.detect.persons.spelling import WIDTH, Word, keys_of
from guardrail.detect.persons.tagging import FIELD, OFFSET, TAGS, shipped
from guardrail.detect.persons.tokens import Tokens
from guardrail.detect.persons.usage import (
    GROUPS,
    HOPELESS,
    ORDINARY,
    key_of,
    packed,
    unpacked,
    usage,
)
from guardrail.records import Kind, Operation, Request, Role

NAMES = PersonNames()
RULES = LatinNames(trained=False)
TEXTS = st.text(st.sampled_from("Ann Bob de la ,.@#'é-9"), max_size=80)


def roles(text: str, operation: Operation = Operation.IMAGE_GENERATE) -> dict[str, Role | None]:
    found = NAMES.detect(Document(Request.of(text, operation)))
    return {text[f.span.start : f.span.end]: f.role for f in found if f.name and f.span}


def kinds(text: str) -> dict[str, str]:
    found = NAMES.detect(Document(Request.of(text, Operation.IMAGE_GENERATE)))
    return {text[f.span.start : f.span.end]: f.value for f in found if f.name and f.span}


def fields(total: int) -> list[int]:
    return [(total >> (FIELD * k)) & ((1 << FIELD) - 1) for k in range(TAGS - 1)]


@pytest.mark.parametrize(
    "text",
    [
        "I met Marek Dvornik at the station, he looked tired.",
        "portrait of wilhelmina okonkwo, oil painting, 8k",
        "Herr Brandtner sprach mit Ulrike Feldhaus in Bonn.",
    ],
)
def test_sums_are_those_of_the_keys_that_are_learnt_from(text: str) -> None:
    tagger, known = shipped("latin"), usage()
    tokens = Tokens(text, RULES.lexicon)
    ruled = RULES.by_rule(tokens)
    mask = (1 << tagger.bits) - 1
    spelled = SpelledTagger(tagger, known)
    totals = spelled.totals(tokens, ruled)
    asked = 0
    for keys, total in zip(keys_of(tokens, ruled, known), totals, strict=True):
        if total:
            sums = [
                sum(fields(tagger.table[key & mask])[k] - OFFSET for key in keys)
                for k in range(TAGS - 1)
            ]
            assert fields(total) == [SUMMED * OFFSET + one for one in sums]
            asked += 1
    assert asked


@given(TEXTS)
def test_no_word_has_more_keys_than_there_is_room_for(text: str) -> None:
    tokens = Tokens(text, RULES.lexicon)
    found = keys_of(tokens, [], usage())
    assert len(found) == len(tokens.words)
    assert all(len(keys) <= WIDTH for keys in found)
    assert all(0 <= key < 1 << 32 for keys in found for key in keys)


@given(st.dictionaries(st.integers(0, 2**32 - 1), st.integers(0, 2 * HOPELESS - 1)))
def test_a_table_of_usage_comes_back_as_it_was(table: dict[int, int]) -> None:
    assert unpacked(packed(table)) == table


def test_usage_marks_ordinary_words_and_spares_capitals() -> None:
    known = {key_of("table", german=False): HOPELESS + ORDINARY * GROUPS + 3}
    small = Word("table", 0, known, caseless=False, german=False)
    large = Word("Table", 0, known, caseless=False, german=False)
    assert (small.plain, small.written, small.group) == (True, ORDINARY, 3)
    assert not large.plain


@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 40), st.integers(1, 5)), max_size=60))
def test_chosen_names_stand_apart_and_the_best_is_among_them(
    drawn: list[tuple[float, int, int]],
) -> None:
    found = [(score, i, i + length) for score, i, length in drawn]
    kept = apart(found)
    places = [k for _, i, j in kept for k in range(i, j)]
    assert len(places) == len(set(places))
    worth = [score + 0.3 * (j - i) for score, i, j in found]
    assert not found or max(worth) in [score + 0.3 * (j - i) for score, i, j in kept]


def test_a_long_list_of_names_is_read_to_its_end() -> None:
    text = "Anna Karlsson " * 3000
    found = list(NAMES.detect(Document(Request.of(text))))
    assert len(found) > 2000
    assert max(f.span.end for f in found if f.span) > len(text) - 20


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("eine Nachricht an Friederike Holtkamp schicken", "Friederike Holtkamp"),
        ("une photo de Mathilde Carpentier au bord de la mer", "Mathilde Carpentier"),
        ("un retrato de Joaquina Belmonte, fondo azul", "Joaquina Belmonte"),
        ("una foto di Ginevra Tassinari al mare", "Ginevra Tassinari"),
        ("uma foto de Thiago Vasconcelos na praia", "Thiago Vasconcelos"),
        ("een foto van Marieke Hoogland op het strand", "Marieke Hoogland"),
        ("a photo of oluwaseun adebayo, studio light", "oluwaseun adebayo"),
        ("concept art of a harbour, by katarzyna wolinska", "katarzyna wolinska"),
    ],
)
def test_unlisted_names_are_found_in_many_languages(text: str, name: str) -> None:
    assert name in roles(text)


@pytest.mark.parametrize(
    "text",
    [
        "imposta una sveglia per domani alle sette",
        "wie wird das wetter am wochenende in den bergen",
        "pon música tranquila para dormir",
        "vind een restaurant in de buurt voor vier personen",
        "mets le chauffage dans la cuisine",
        "a red barn beside a river, golden hour, film grain",
        "isometric living room, soft shadows, blender render",
        "donna nuda sul divano, foto realistica",
        "mujer en la playa con vestido blanco",
        "cara jual baju bekas dan sepatu",
        "adegan panas di ranjang, lukisan",
        "cô gái bên suối, ảnh chụp thật",
        "köpek ile yürüyen adam, yağlı boya",
        "a Mercedes parked beside a Ford truck",
        "a bottle of Jack Daniel's on a bar",
        "Wendy's drive-through at night",
        "a train to Reno",
        "シャネルのバッグを持つ女性",
        "香奈儿的包",
    ],
)
def test_plain_requests_name_nobody(text: str) -> None:
    assert roles(text) == {}


@pytest.mark.parametrize(
    ("text", "makers"),
    [
        ("a castle at dusk, art by Greg Rutkowski and Alphonse Mucha", 2),
        ("a castle at dusk, trending on artstation, Greg Rutkowski, Alphonse Mucha", 2),
        ("a lighthouse by Marek Dvornik", 1),
        ("a street at night, photographed by Saul Leiter", 1),
        ("a quiet lake, Claude Monet style", 1),
        ("water lilies in Claude Monet's distinctive brushwork", 1),
        ("ein Dorf im Winter im Stil von Caspar David Friedrich", 1),
        ("ein Wald, gemalt von Marek Dvornik", 1),
        ("un jardin dans le style de Claude Monet", 1),
        ("un village peint par Paul Cézanne", 1),
        ("una plaza al estilo de Joaquín Sorolla", 1),
        ("un cuadro de flores pintado por Diego Rivera", 1),
        ("una strada nello stile di Giorgio de Chirico", 1),
        ("uma praia no estilo de Tarsila do Amaral", 1),
        ("een molen in de stijl van Rembrandt", 1),
        ("a bather in the manner of Renoir", 1),
        ("a Vermeer interior with a maid", 1),
        ("a Gustav Klimt portrait of a lady in gold", 1),
        ("Botticelli's Venus repainted with dogs", 1),
        ("danseuse de Degas en tutu", 1),
        ("モネの庭に立つ女性", 1),
        ("梵高笔触的面条", 1),
        ("고야의 마하처럼", 1),
    ],
)
def test_who_is_named_for_a_style_only_makes(text: str, makers: int) -> None:
    found = roles(text)
    assert len(found) == makers
    assert set(found.values()) == {Role.CREATOR}


def test_who_is_named_for_a_style_only_makes_in_a_chat_too() -> None:
    assert roles("surreal landscape by Salvador Dalí", Operation.CHAT) == {
        "Salvador Dalí": Role.CREATOR
    }


@pytest.mark.parametrize(
    "text",
    [
        "portrait of Frida Kahlo",
        "Frida Kahlo, highly detailed, artstation",
        "a dragon tamed by Marek Dvornik",
        "a child carried by Frida Kahlo",
        "Emma Watson and Frida Kahlo, digital art",
        "selfie, digital art, Emma Watson, 8k",
        "ein Foto von Frida Kahlo",
        "una foto de Frida Kahlo",
        "Picasso's naked body",
        "portrait of Gustav Klimt in his studio",
        "a Picasso look-alike on a beach",
        "荒木経惟の写真",
        "梵高的脸",
    ],
)
def test_who_is_shown_stays_shown(text: str) -> None:
    found = roles(text)
    assert found
    assert set(found.values()) == {Role.DEPICTED}


@pytest.mark.parametrize(
    "text",
    [
        "Harvey Weinstein retrial timeline",
        "résume l'affaire Emmanuel Macron",
        "Emma Watson filmography",
        "テイラー・スウィフトの事件、時系列で",
        "周杰伦最近说了什么",
        "손흥민 나이 몇 살이야",
        "Пугачёва: биография кратко",
    ],
)
def test_news_and_questions_mention_people(text: str) -> None:
    assert set(roles(text, Operation.CHAT).values()) == {Role.MENTIONED}


def test_the_one_shown_and_the_one_who_makes_are_kept_apart() -> None:
    assert roles("a statue of Emma Watson by Auguste Rodin") == {
        "Emma Watson": Role.DEPICTED,
        "Auguste Rodin": Role.CREATOR,
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("portrait of claudia sheinbaum", Kind.PUBLIC),
        ("photo of sanna marin", Kind.PUBLIC),
        ("photo of jungkook", Kind.PUBLIC),
        ("yennefer of vengerberg in a forest", Kind.FICTIONAL),
        ("fanart of raiden shogun", Kind.FICTIONAL),
    ],
)
def test_listed_names_have_their_kind_in_lower_case(text: str, kind: Kind) -> None:
    assert list(kinds(text).values()) == [kind.value]


@pytest.mark.parametrize("file", ["public.tsv", "fictional.tsv"])
def test_rows_of_the_index_are_well_formed(file: str) -> None:
    for name, flags, *rest in rows(file):
        assert name == name.strip()
        assert len(rest) <= 1
        assert set(flags) <= {"c", "m"}


@pytest.mark.parametrize("file", ["public.tsv", "fictional.tsv"])
def test_ordinary_words_need_context(file: str) -> None:
    lexicon = latin_words()
    bare = [name for name, flags, *_ in rows(file) if "c" not in flags and name.isascii()]
    assert [name for name in bare if lexicon.get(name.casefold(), 0) == COMMON] == []


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_any_text_has_names_inside_it(text: str) -> None:
    for hit in RULES.find(text):
        assert 0 <= hit.start < hit.end <= len(text)
