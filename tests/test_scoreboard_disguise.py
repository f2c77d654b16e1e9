"""The disguises of the scoreboard: each says the same as the plain row, to a reader."""

from __future__ import annotations

import base64
import codecs
import re
from collections import Counter
from random import Random
from unicodedata import category, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.records import Action, Severity
from scoreboard import disguised
from scoreboard.disguise import kana, letters, whole
from scoreboard.disguise.tables import joiners, wrappers
from scoreboard.disguise.variants import VARIANTS, Disguised, disguise, disguises
from scoreboard.disguise.words import long_words, replace, telling_words
from scoreboard.disguised import Tried, loss, losses
from scoreboard.screened import Seen
from scoreboard.suite import Situation, read_suites

words = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12)
japanese = st.text("あかさたなはがざだぱっゃんアカサタナハガザダパヴッャンー写真", max_size=12)


def drawn(seed: int) -> Random:
    return Random(seed)  # noqa: S311 (no secret)


seeds = st.integers(0, 50).map(drawn)


def row(text: str, action: str = "refuse", lang: str = "en", line: int = 2) -> Situation:
    return Situation("open", line, text, lang, "chat", "-", action, "-", "g", f"p{line // 2}")


def seen(action: str) -> Seen:
    return Seen(action, "-", Severity.NONE, 0.0, (), "p@1", ("d 1",))


class TestWords:
    def test_long_ones(self) -> None:
        text = "an old oak, painted; 写真 木 был"
        assert [text[a:b] for a, b in long_words(text)] == ["painted", "写真"]

    def test_telling_ones_are_not_in_a_twin(self) -> None:
        text = "Strip the Paint off a door"
        assert [text[a:b] for a, b in telling_words(text, ["paint the door"])] == ["Strip", "off"]
        assert telling_words(text, [text.lower()]) == []

    def test_telling_characters_are_stretched_to_two(self) -> None:
        text = "彼女の裸の写真"
        assert [text[a:b] for a, b in telling_words(text, ["彼女の昔の写真"])] == ["裸の"]

    def test_only_ranges_change(self) -> None:
        assert replace("ab cd ef", [(0, 2), (6, 8)], str.upper) == "AB cd EF"


class TestLetters:
    @given(words, seeds)
    def test_compatible_forms_fold_back(self, word: str, draw: Random) -> None:
        assert normalize("NFKC", letters.full_width(word, draw)) == word
        assert normalize("NFKC", letters.enclosed(word, draw)).lower() == word.lower()
        marked = normalize("NFD", letters.accents(word, draw))
        assert "".join(one for one in marked if category(one) != "Mn") == word

    @given(words, seeds)
    def test_what_stands_between_can_be_taken_out(self, word: str, draw: Random) -> None:
        assert letters.spacing(word, draw).replace(" ", "") == word
        for disguise_, name in (
            (letters.punctuation, "punctuation"),
            (letters.zero_width, "zero-width"),
            (letters.emoji, "emoji"),
        ):
            written = disguise_(word, draw)
            assert any(written.replace(one, "") == word for one in joiners(name))
            assert (written != word) == (len(word) > 1)

    @given(words, seeds)
    def test_regional_letters_are_as_many(self, word: str, draw: Random) -> None:
        shift = 0x1F1E6 - ord("a")
        back = "".join(chr(ord(one) - shift) for one in letters.regional(word, draw))
        assert back == word.lower()

    @given(words, seeds)
    def test_backwards_twice_is_forwards(self, word: str, draw: Random) -> None:
        assert letters.backwards(letters.backwards(word, draw), draw) == word

    @given(words, seeds)
    def test_drawn_out_letters_shrink_back(self, word: str, draw: Random) -> None:
        shrunk = re.sub(r"(.)\1+", r"\1", letters.repeated(word, draw))
        assert shrunk == re.sub(r"(.)\1+", r"\1", word)

    @given(words, seeds)
    def test_a_misspelt_word_is_one_edit_away(self, word: str, draw: Random) -> None:
        written = letters.misspelt(word, draw)
        if len(word) < letters.MISSPELT:
            assert written == word
            return
        assert written[0] == word[0]
        by_length = {
            -1: lambda: any(word[:i] + word[i + 1 :] == written for i in range(len(word))),
            0: lambda: Counter(written) == Counter(word),
            1: lambda: any(written[:i] + written[i + 1 :] == word for i in range(len(written))),
        }
        assert by_length[len(written) - len(word)]()

    def test_by_hand(self) -> None:
        draw = drawn(1)
        assert letters.leet("oboe", draw) == "0803"
        lookalike = letters.homoglyphs("pace", draw)
        assert len(lookalike) == 4
        assert not any(map(str.isascii, lookalike))
        assert letters.homoglyphs("\u043e\u0441\u0430", draw) == "oca"

    def test_another_script_is_left(self) -> None:
        draw = drawn(1)
        assert letters.leet("дом", draw) == "дом"
        assert letters.spacing("سلام", draw) == "سلام"
        assert letters.misspelt("写真写真写真", draw) == "写真写真写真"


class TestTurns:
    def test_what_is_encoded_decodes(self) -> None:
        for lang in ("en", "ja"):
            written = whole.in_base64("a blue tree 木", lang, (), drawn(1)) or ""
            code = written.removeprefix(wrappers("base64")[lang].format(""))
            assert base64.b64decode(code).decode() == "a blue tree 木"
        turned = whole.in_rot13("a blue tree", "en", (), drawn(1)) or ""
        assert codecs.decode(turned, "rot13").endswith("a blue tree")
        assert whole.in_rot13("синее дерево", "ru", (), drawn(1)) is None

    @pytest.mark.parametrize("text", ["painted wooden doors", "木の写真", "a big oak tree"])
    def test_variables_put_together_are_the_text(self, text: str) -> None:
        written = whole.in_variables(text, "en", (), drawn(3)) or ""
        parts = dict(re.findall(r'(\w) = "([^"]+)"; ', written))
        rest = re.sub(r'\w = "[^"]+"; ', "", written)
        assert parts
        joined = re.sub(r"([a-h])\+([a-h])", lambda m: parts[m[1]] + parts[m[2]], rest)
        assert joined == text

    def test_variables_take_the_telling_words(self) -> None:
        written = whole.in_variables("paint the wooden door", "en", ["paint the door"], drawn(3))
        assert (written or "").endswith("; paint the a+b door")

    def test_two_messages_put_together_are_the_text(self) -> None:
        text = "paint the wooden door"
        parted = whole.between_words(text, "en", (), drawn(1)) or ""
        assert parted.split(" || ") == ["paint the", "wooden door"]
        cut = whole.inside_a_word(text, "en", ["paint the door"], drawn(1)) or ""
        before, after = cut.split(" || ")
        assert before + after == text
        assert before.startswith("paint the w")
        assert after.endswith("n door")
        assert whole.between_words("word", "en", (), drawn(1)) is None

    def test_the_language_around_is_another(self) -> None:
        for seed in range(20):
            written = whole.around("木", "ja", (), drawn(seed)) or ""
            start, end = wrappers("around")["ja"].split("{}")
            assert not (written.startswith(start) and written.endswith(end))


class TestKana:
    @given(japanese)
    def test_swapped_twice_is_as_before(self, text: str) -> None:
        assert kana.swapped(kana.swapped(text)) == text

    @given(japanese)
    def test_half_width_folds_back_to_katakana(self, text: str) -> None:
        narrow = kana.half_width(text)
        in_katakana = "".join(kana.swapped(c) if "ぁ" <= c <= "ゖ" else c for c in text)
        assert normalize("NFKC", narrow) == in_katakana
        assert not any("ァ" <= one <= "ヶ" for one in narrow)

    @pytest.mark.parametrize(
        ("text", "spelled"),
        [
            ("彼は学校へ行った", "kare wa gakkou e itta"),
            ("きょうの写真", "kyou no shashin"),
            ("チェリーの木", "cheri no ki"),
        ],
    )
    def test_romaji(self, text: str, spelled: str) -> None:
        assert kana.romaji(text) == spelled


class TestVariants:
    def test_the_same_row_is_always_written_the_same(self) -> None:
        rows = [row("paint the wooden door"), row("paint the door", "allow", line=3)]
        assert disguises(rows) == disguises(rows)

    def test_nothing_is_tried_as_it_was(self) -> None:
        found = disguises([row("Тайна"), row("木の写真", lang="ja", line=4), row("12", line=6)])
        assert {one.plain.line for one in found} >= {2, 4}
        assert sum(one.row.text == one.plain.text for one in found) == 0
        assert "leet" not in {one.variant for one in found}

    def test_the_assistants_turns_stay(self) -> None:
        plain = row("paint a door || A: Which colour? || bright yellow")
        for variant in VARIANTS:
            written = disguise(variant, plain, ["paint a wall"])
            assert written is None or "A: Which colour?" in written.turns

    def test_a_row_is_held_against_its_twins_and_not_itself(self) -> None:
        rows = [row("paint the wooden door"), row("paint the door", "allow", line=3)]
        written = {one.variant: one.row.text for one in disguises(rows) if one.plain == rows[0]}
        assert written["backwards, telling words"] == "paint the nedoow door"
        assert written["backwards"] == "tniap the nedoow rood"

    def test_harmless_rows_only_as_people_write(self) -> None:
        found = disguises([row("paint the wooden door", "allow")])
        assert {one.variant for one in found} <= {v.name for v in VARIANTS if v.innocent}
        assert {"upper-case", "misspelt"} <= {one.variant for one in found}

    def test_no_more_than_asked_for(self) -> None:
        rows = [row(f"painted door {n}", line=2 * n) for n in range(1, 9)]
        many = Counter(one.variant for one in disguises(rows, most=3))
        assert set(many.values()) == {3}
        taken = [{one.plain.line for one in disguises(rows, most=n)} for n in (1, 3)]
        assert taken[0] <= taken[1]

    def test_names_are_told_apart(self) -> None:
        assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)

    def test_every_variant_fits_some_row_of_the_suites(self) -> None:
        found = {one.variant for one in disguises(read_suites(), most=1)}
        assert found == {variant.name for variant in VARIANTS}


class TestTables:
    @staticmethod
    def tried(variant: str, plain: str, given_: str, must: str = "refuse") -> Tried:
        one = row("a", must)
        return Tried(Disguised(variant, one, one), seen(plain), seen(given_))

    def test_loss_by_hand(self) -> None:
        four = [
            self.tried("leet", "refuse", "refuse"),
            self.tried("leet", "refuse", "allow"),
            self.tried("leet", "refuse", "gate"),
            self.tried("leet", "allow", "refuse"),
        ]
        assert loss(four) == 1 / 4
        assert loss([]) is None
        assert losses(four, Action.REFUSE) == {"leet": 1 / 4}
        assert losses(four, Action.ALLOW) == {}

    def test_each_action_has_its_columns(self) -> None:
        tried = [
            self.tried("upper-case", "refuse", "allow"),
            self.tried("upper-case", "allow", "allow", "allow"),
        ]
        table, _ = disguised.tables(tried)
        cells = {line[0]: line[1:] for line in table.rows}
        assert cells["upper-case"] == ("1", "100.0", "0.0", "–", "–", "–", "1", "100.0", "100.0")
