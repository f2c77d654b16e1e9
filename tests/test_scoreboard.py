"""The scoreboard: its measures against values computed by hand, its page."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.errors import InputError
from guardrail.records import Severity
from scoreboard.board import Work, as_page, make_board, prepare
from scoreboard.command import main
from scoreboard.data import PARTS, Part, Row, part_of
from scoreboard.disguise.variants import disguises
from scoreboard.metrics import (
    Counts,
    average_precision,
    calibration_error,
    pair_spans,
    ratio,
    same_name,
    tally,
)
from scoreboard.person import called_fictional, called_real, counts, creators
from scoreboard.screened import Name, Seen, read_answer
from scoreboard.tables import Table, as_markdown, grouped, percent, share

ROOT = Path(__file__).parents[1]
DATA = ROOT / "../shared/data/dev"
PAGE = ROOT / "docs/scoreboard.md"

labelled = st.lists(
    st.tuples(st.booleans(), st.sampled_from((0.0, 0.1, 0.25, 0.5, 1.0))), max_size=12
)
spans = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 6)).map(lambda s: (s[0], s[0] + s[1])), max_size=4
)


def seen(action: str = "allow", reason: str = "allowed", *names: Name, score: float = 0.0) -> Seen:
    return Seen(action, reason, Severity.NONE, score, names, "p@1", ("d 1",))


def person_part(names: tuple[Name, ...], **labels: Any) -> Part:
    row = Row("person", {"text": "Ann saw Bo", "slice": "s", **labels})
    return part_of([row], iter([seen("allow", "allowed", *names)]))


class TestCounts:
    def test_by_hand(self) -> None:
        found = tally([(True, True)] * 3 + [(False, True)] + [(True, False)] * 2 + [(False, False)])
        assert found == Counts(hits=3, false=1, missed=2, passed=1)
        assert found.precision == 3 / 4
        assert found.recall == 3 / 5
        assert found.f1 == 2 / 3
        assert found.false_rate == 1 / 2
        assert found + Counts(1, 1, 1, 1) == Counts(4, 2, 3, 2)

    def test_nothing_is_undefined_rather_than_zero(self) -> None:
        nothing = Counts()
        assert (nothing.precision, nothing.recall, nothing.f1, nothing.false_rate) == (None,) * 4
        assert ratio(0, 0) is None
        assert Counts(false=2).f1 is None
        assert Counts(missed=2).f1 == 0.0


class TestAveragePrecision:
    def test_by_hand(self) -> None:
        labels = [True, False, True, False]
        assert average_precision(labels, [0.9, 0.8, 0.7, 0.1]) == pytest.approx((1 + 2 / 3) / 2)
        assert average_precision(labels, [0.9, 0.1, 0.8, 0.2]) == 1.0
        assert average_precision(labels, [0.1, 0.9, 0.2, 0.8]) == pytest.approx((1 / 3 + 2 / 4) / 2)

    def test_equal_scores_are_one_threshold(self) -> None:
        assert average_precision([True, False, False, False], [0.5] * 4) == 0.25
        two_steps = average_precision([True, True, False, True], [0.9, 0.5, 0.5, 0.1])
        assert two_steps == pytest.approx((1 * 1 + 1 * 2 / 3 + 1 * 3 / 4) / 3)

    def test_undefined_without_positives(self) -> None:
        assert average_precision([False], [0.3]) is None

    @given(labelled)
    def test_does_not_depend_on_the_order_of_rows(self, rows: list[tuple[bool, float]]) -> None:
        forth = average_precision([r[0] for r in rows], [r[1] for r in rows])
        back = average_precision([r[0] for r in rows[::-1]], [r[1] for r in rows[::-1]])
        assert forth == back
        assert forth is None or 0 < forth <= 1


class TestCalibrationError:
    def test_by_hand(self) -> None:
        assert calibration_error([True, False], [0.95, 0.95]) == pytest.approx(0.45)
        three = calibration_error([True, False, False], [0.95, 0.95, 0.05])
        assert three == pytest.approx((0.9 + 0.05) / 3)

    def test_a_boundary_belongs_to_the_upper_bin_and_one_to_the_last(self) -> None:
        assert calibration_error([True, False], [0.05, 0.1]) == pytest.approx((0.95 + 0.1) / 2)
        assert calibration_error([True, False], [1.0, 0.9]) == pytest.approx(0.9 / 2)

    def test_undefined_without_rows(self) -> None:
        assert calibration_error([], []) is None


class TestSpans:
    @pytest.mark.parametrize(
        ("gold", "found", "same"),
        [
            ((0, 10), (0, 10), True),
            ((0, 10), (5, 10), True),
            ((0, 10), (6, 10), False),
            ((5, 10), (0, 10), True),
            ((0, 4), (2, 7), False),
            ((0, 4), (4, 8), False),
            ((3, 3), (3, 3), False),
        ],
    )
    def test_half_of_the_longer_span(
        self, gold: tuple[int, int], found: tuple[int, int], *, same: bool
    ) -> None:
        assert same_name(gold, found) is same

    def test_one_to_one(self) -> None:
        assert pair_spans([(0, 10)], [(0, 5), (5, 10)]) == {0: 0}
        assert pair_spans([(0, 4), (4, 8)], [(2, 6), (0, 4)]) == {0: 1, 1: 0}
        assert pair_spans([], [(0, 1)]) == {}

    @given(spans, spans)
    @settings(max_examples=60)
    def test_pairs_as_many_as_can_be(
        self, gold: list[tuple[int, int]], found: list[tuple[int, int]]
    ) -> None:
        pairs = pair_spans(gold, found)
        assert len(set(pairs.values())) == len(pairs)
        assert all(same_name(gold[g], found[f]) for g, f in pairs.items())
        padded = [*found, *[(0, 0)] * len(gold)]
        best = max(
            sum(same_name(g, f) for g, f in zip(gold, chosen, strict=True))
            for chosen in permutations(padded, len(gold))
        )
        assert len(pairs) == best


class TestPersons:
    def test_fictional_kinds_do_not_count_as_found(self) -> None:
        ann = Name(0, 3, "fictional", "depicted")
        bo = Name(8, 10, "private", "depicted")
        part = person_part((ann, bo), spans=[[0, 3], [8, 10]])
        assert counts(part.chat) == Counts(hits=1, missed=1)

    def test_a_fictional_character_called_real(self) -> None:
        marked = {"spans": [], "fictional_spans": [[0, 3]]}
        (real,) = person_part((Name(0, 3, "public", "depicted"),), **marked).chat
        (fictional,) = person_part((Name(0, 3, "fictional", "depicted"),), **marked).chat
        (elsewhere,) = person_part((Name(8, 10, "public", "depicted"),), **marked).chat
        assert [called_real(case) for case in (real, fictional, elsewhere)] == [True, False, False]
        assert [called_fictional(case) for case in (real, fictional)] == [False, True]

    def test_a_creator_that_is_not_found_is_wrong(self) -> None:
        labels = {"spans": [[0, 3]], "role": "artist_style"}
        right = person_part((Name(0, 3, "public", "creator"),), **labels).chat
        shown = person_part((Name(0, 3, "public", "depicted"),), **labels).chat
        missed = person_part((), **labels).chat
        no_role = person_part((Name(0, 3, "public", "creator"),), spans=[[0, 3]]).chat
        assert creators([*right, *shown, *missed, *no_role]) == (3, 2, 1)


class TestTables:
    def test_markdown(self) -> None:
        table = Table("Of two", ("group", "rows"), (("a", "1"), ("b", "2")), "A note.")
        assert as_markdown([table]) == (
            "### Of two\n\nA note.\n\n| group | rows |\n| --- | ---: |\n| a | 1 |\n| b | 2 |\n"
        )

    def test_a_ragged_row_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="Ragged"):
            Table("Ragged", ("a", "b"), (("1",),))

    def test_figures(self) -> None:
        assert [share(0.12345), share(None)] == ["0.123", "–"]
        assert [percent(0.12345), percent(None)] == ["12.3", "–"]

    def test_largest_group_first_then_by_name(self) -> None:
        groups = grouped(["b1", "a1", "c1", "c2"], lambda word: word[0])
        assert [name for name, _ in groups] == ["c", "a", "b"]


ANSWER: dict[str, Any] = {
    "id": 1,
    "action": "gate",
    "reason": "r",
    "sexual": {"severity": "nudity", "score": 0.9},
    "persons": [{"part": 0, "start": 0, "end": 3, "kind": "public", "role": "creator"}],
    "policy": "p@1",
    "detectors": [{"name": "d", "version": "1", "status": "ok"}],
}


class TestAnswers:
    def test_read(self) -> None:
        answer = read_answer(ANSWER)
        assert answer.stopped
        assert answer.nude
        assert answer.names == (Name(0, 3, "public", "creator"),)
        assert answer.detectors == ("d 1",)

    @pytest.mark.parametrize(
        "wrong",
        [{"error": {"line": 1, "message": "m"}}, {"unscanned": ["sexual"]}, {"problem": "p"}],
    )
    def test_what_was_not_fully_scanned_is_no_figure(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(InputError, match="request 1"):
            read_answer({**ANSWER, **wrong})


def test_without_data_it_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--data", str(tmp_path / "nowhere")])
    assert result.exit_code == 1
    assert "no development data" in result.output


def test_only_some_parts_are_not_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    result = CliRunner().invoke(main, ["--only", "decisions", "--write", str(page)])
    assert result.exit_code == 2
    assert not page.exists()


def headings(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("#")]


def test_the_page_kept_has_the_tables_made() -> None:
    rows = prepare(ROOT, every=25, only=["decisions"]).situations
    work = Work({part: [] for part in PARTS}, rows, disguises(rows, most=1))
    board = make_board(work, workers=1, tick=lambda: None)
    ours = headings(as_page(board.tables(), "a commit"))
    assert headings(PAGE.read_text("utf-8")) == ours


@pytest.mark.skipif(
    not DATA.is_dir(), reason="the development data (../shared/data/dev) is not here"
)
def test_data_is_counted_and_never_quoted() -> None:
    work = prepare(DATA, every=40, only=PARTS)
    ticks: list[None] = []
    board = make_board(work, workers=1, tick=lambda: ticks.append(None))
    assert len(ticks) == len(work.asks())
    page = as_page(board.tables(), "a commit")
    for part in PARTS:
        rows = work.rows[part]
        assert len(board.parts[part].chat) == len(rows) > 0
        assert len(board.parts[part].image) == sum(row.is_image_prompt for row in rows)
        quoted = sum(row.text in page for row in rows if len(row.text) > 1)
        assert quoted == 0
    assert page == as_page(board.tables(), "a commit")
