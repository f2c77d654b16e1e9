"""The decision suites of the scoreboard. No message here may show a row of the closed suite."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guardrail.errors import ConfigurationError
from guardrail.records import Severity
from scoreboard import decisions, suite
from scoreboard.board import Board, Work, as_page, make_board
from scoreboard.disguise.variants import disguises
from scoreboard.screened import Seen
from scoreboard.suite import Situation, pairs_right, read_suite, read_suites, twins
from scoreboard.tables import Table

HEAD = "\t".join(suite.COLUMNS)
HARMFUL = Situation("open", 2, "t", "en", "chat", "-", "refuse", "obscenity", "g", "p")
HARMLESS = Situation("open", 3, "u", "en", "chat", "-", "allow", "-", "g", "p")


def seen(action: str = "allow", reason: str = "allowed") -> Seen:
    return Seen(action, reason, Severity.NONE, 0.0, (), "p@1", ("d 1",))


@pytest.fixture(scope="module")
def rows() -> list[Situation]:
    return read_suites()


@pytest.fixture(scope="module")
def board(rows: list[Situation]) -> Board:
    work = Work({}, rows, disguises(rows, most=2))
    return make_board(work, workers=1, tick=lambda: None)


def by_title(tables: list[Table]) -> dict[str, Table]:
    return {table.title: table for table in tables}


class TestRows:
    def test_each_is_there_once_in_its_suite(self, rows: list[Situation]) -> None:
        asked = {hash((row.suite, row.text, row.operation, row.caller)) for row in rows}
        assert len(asked) == len(rows)

    def test_languages_have_every_action(self, rows: list[Situation]) -> None:
        first = [row for row in rows if row.suite == "first"]
        languages = {row.lang for row in first}
        assert languages == {"en", "ja", "zh", "ko", "es", "fr", "de", "pt", "id", "ru"}
        for language in languages:
            actions = {row.action for row in first if row.lang == language}
            assert actions == {"allow", "gate", "refuse"}

    def test_what_is_harmful_has_a_harmless_twin(self, rows: list[Situation]) -> None:
        pairs = twins(rows)
        alone = Counter(
            row.suite
            for row in rows
            if row.harmful and all(one.harmful for one in pairs.get((row.suite, row.pair), [row]))
        )
        assert set(alone) <= {"first"}

    def test_asks_as_the_columns_say(self) -> None:
        def ask(text: str, operation: str, caller: str) -> dict[str, Any]:
            row = replace(HARMLESS, text=text, operation=operation, caller=caller)
            return dict(row.ask())

        assert ask("a tree", "text", "-") == {"operation": "text", "prompt": "a tree"}
        turns = ask("a tree || A: Here it is. || in winter", "chat", "adult+age JP")
        assert [(message["role"], message["content"]) for message in turns["messages"]] == [
            ("user", "a tree"),
            ("assistant", "Here it is."),
            ("user", "in winter"),
        ]
        assert turns["caller"]["tier"] == "adult"
        assert turns["caller"]["age_verified"] is True
        assert turns["caller"]["jurisdiction"] == "JP"
        assert len(ask("blue", "image.edit+picture", "free US")["images"]) == 1

    def test_a_reason_counts_only_where_one_is_named(self) -> None:
        answer = seen("refuse", "minor_sexual")
        any_reason = replace(HARMFUL, reason="-")
        assert (HARMFUL.action_right(answer), HARMFUL.reason_right(answer)) == (True, False)
        assert (any_reason.action_right(answer), any_reason.reason_right(answer)) == (True, True)
        assert not any_reason.reason_right(seen("gate"))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a\tb\n", "one.tsv:1: expected the columns"),
            (f"{HEAD}\nsecret\n", "one.tsv:2: expected 8 columns"),
            (f"{HEAD}\nsecret\ten\tchat\t-\tmaybe\t-\tg\tp\n", "one.tsv:2: not a request"),
            (f"{HEAD}\nsecret\ten\tsing\t-\tallow\t-\tg\tp\n", "one.tsv:2: not a request"),
            (f"{HEAD}\nsecret\ten\tchat\t-\tallow\t-\tg\t\n", "one.tsv:2: not a request"),
        ],
    )
    def test_a_wrong_line_is_named_and_not_quoted(
        self, tmp_path: Path, text: str, message: str
    ) -> None:
        path = tmp_path / "one.tsv"
        path.write_text(text, "utf-8")
        with pytest.raises(ConfigurationError, match=message) as error:
            read_suite(path)
        assert "secret" not in str(error.value)

    def test_a_row_does_not_show_its_text(self) -> None:
        assert "secret" not in repr(replace(HARMFUL, text="secret"))

    def test_a_suite_that_is_not_there_is_left_out(self, tmp_path: Path) -> None:
        line = "a tree\ten\tchat\t-\tallow\t-\tidioms\t-"
        (tmp_path / "open.tsv").write_text(f"{HEAD}\n{line}\n", "utf-8")
        assert [(row.suite, row.line) for row in read_suites(tmp_path)] == [("open", 2)]


class TestTwins:
    def test_one_wrong_row_makes_a_pair_wrong(self) -> None:
        assert pairs_right([(HARMFUL, seen("refuse")), (HARMLESS, seen())]) == (1, 1)
        assert pairs_right([(HARMFUL, seen("refuse")), (HARMLESS, seen("gate"))]) == (0, 1)
        assert pairs_right([(HARMFUL, seen()), (HARMLESS, seen())]) == (0, 1)

    def test_a_pair_is_of_one_suite_and_of_both_kinds(self) -> None:
        elsewhere = replace(HARMLESS, suite="closed")
        assert pairs_right([(HARMFUL, seen("refuse")), (elsewhere, seen())]) == (0, 0)
        unpaired = [replace(HARMFUL, pair="-"), replace(HARMLESS, pair="-")]
        assert pairs_right([(row, seen()) for row in unpaired]) == (0, 0)


class TestTables:
    def test_every_row_is_answered_and_counted(self, board: Board, rows: list[Situation]) -> None:
        tables = by_title(list(decisions.tables(board.decided)))
        of = {row[0]: int(row[1]) for row in tables["Decisions"].rows}
        assert of["all"] == len(rows)
        assert of["first"] == sum(row.suite == "first" for row in rows)
        given = tables["Decisions: expected and given"].rows
        assert sum(int(n) for row in given if row[0] == "all" for n in row[2:]) == len(rows)
        apart = tables["Decisions by group"].rows
        assert sum(int(row[1]) for row in apart) == len(rows)

    def test_lines_that_fail_are_listed_but_of_the_closed_suite(self) -> None:
        answered = [
            (replace(HARMFUL, suite=name, line=line), seen())
            for name, line in (("first", 7), ("open", 8), ("closed", 9))
        ]
        tables = by_title(list(decisions.tables(answered)))
        wrong = tables["Decisions that are not as expected"].rows
        assert [row[:2] for row in wrong] == [("first", "7"), ("open", "8")]
        assert ("closed", "1") in {row[:2] for row in tables["Decisions"].rows}

    def test_no_text_of_a_suite_is_on_the_page(self, board: Board, rows: list[Situation]) -> None:
        page = as_page(board.tables(), "a commit")
        disguised = [one.what.row for one in board.tried]
        assert sum(row.text in page for row in (*rows, *disguised)) == 0
