"""The headline of the scoreboard, its targets, what fell, and sources held out."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from guardrail.records import Severity
from scoreboard import heldout, sources
from scoreboard.board import Board
from scoreboard.command import main
from scoreboard.data import PARTS, Case, Part, Row
from scoreboard.disguise.variants import disguises
from scoreboard.disguised import Tried
from scoreboard.headline import Figure, Goal, goals, of_medicine, of_person, table
from scoreboard.review import as_json, changes, committed, origin, read_json
from scoreboard.screened import Name, Seen
from scoreboard.suite import NAMES, Situation

DATA = Path(__file__).parents[1] / "../shared/data"
UP, DOWN = "sexual content: recall", "sexual content: false stops, %"
ALLOWED = Seen("allow", "-", Severity.NONE, 0.0, (), "p@1", ("d 1",))


def case(part: str, text: str, seen: Seen = ALLOWED, **labels: Any) -> Case:
    known = {"slice": "s", "source": "one", "lang": "en", "variant": "cased", "spans": []}
    return Case(Row(part, {"text": text, **known, **labels}), "chat", seen)


class TestGoals:
    def test_every_figure_has_one_and_every_one_is_a_figure(self) -> None:
        rows = [
            Situation(name, 2, "a", "en", "chat", "-", "allow", "-", "g", "p") for name in NAMES
        ]
        tried = [Tried(one, ALLOWED, ALLOWED) for one in disguises(rows)]
        parts = {part: Part((), ()) for part in PARTS}
        board = Board(parts, [(row, ALLOWED) for row in rows], tried)
        names = [figure.name for figure in board.figures()]
        assert len(names) == len(set(names))
        missing = set(goals()) - set(names)
        assert set(names) <= set(goals())
        assert not missing or all(name.startswith("in disguise") for name in missing)

    def test_met(self) -> None:
        assert Goal(more=True, target=0.9).met(0.9)
        assert not Goal(more=True, target=0.9).met(0.8994)
        assert Goal(more=False, target=0.02).met(0.02)
        assert not Goal(more=False, target=0.02).met(0.0206)
        assert Goal(more=True, target=None).met(0.0)

    def test_beside_the_figures(self) -> None:
        rows = table([Figure("sexual content: AUPRC", 0.94, 3), Figure(UP, None, 0)]).rows
        assert rows[0] == ("sexual content: AUPRC", "0.940", "≥ 0.950", "missed", "3")
        assert rows[1] == (UP, "–", "", "", "0")

    def test_medicine_counts_each_text_once(self) -> None:
        stopped = Seen("refuse", "-", Severity.NUDITY, 0.9, (), "p@1", ("d 1",))
        one = case("sexual", "a", stopped, slice="medical_sexed")
        two = case("benign", "b", slice="medical_general")
        parts = {
            "sexual": Part((one, case("sexual", "c", stopped)), ()),
            "benign": Part((two, case("benign", "a", stopped, slice="medical_sexed")), ()),
        }
        assert list(of_medicine(parts)) == [
            Figure("medicine and sex education stopped, %", 1 / 2, 2)
        ]

    def test_case_is_compared_over_the_same_texts(self) -> None:
        ann = Seen("allow", "-", Severity.NONE, 0.0, (Name(0, 3, "public", "depicted"),), "p", ())
        cases = (
            case("person", "Ann", ann, spans=[[0, 3]], real=True),
            case("person", "ann", spans=[[0, 3]], variant="lower", real=True),
            case("person", "Bob", spans=[[0, 3]], real=True),
        )
        figures = {f.name: f for f in of_person(Part(cases, ()), frozenset({"one"}))}
        assert figures["personal names: F1, cased"].rows == 1
        assert figures["personal names: F1, cased less lower-cased"].value == 1.0
        assert figures["personal names: F1, seen sources"].rows == 3
        assert figures["personal names: F1, unseen sources"].rows == 0


class TestReview:
    def test_what_got_worse_comes_first(self) -> None:
        now = [Figure(UP, 0.5, 9), Figure(DOWN, 0.03, 9), Figure("sexual content: F1", 0.7, 9)]
        before = {UP: (0.4, 9), DOWN: (0.01, 8), "sexual content: F1": (0.7004, 9)}
        moved = changes(before, now)
        assert [str(change) for change in moved] == [
            f"{DOWN}: 1.0 -> 3.0 (rows: 8 -> 9)",
            f"{UP}: 0.400 -> 0.500",
        ]
        assert [round(change.gain, 6) for change in moved] == [-0.02, 0.1]

    def test_new_and_undefined_figures_are_no_change(self) -> None:
        assert changes({}, [Figure(UP, 0.5, 9)]) == []
        assert changes({UP: (0.5, 9)}, [Figure(UP, None, 0)]) == []

    def test_what_is_written_is_read(self) -> None:
        text = as_json([Figure(UP, 0.25, 9), Figure(DOWN, None, 0)], "abc")
        assert read_json(text) == {UP: (0.25, 9)}
        assert json.loads(text)["made_from"] == "abc"

    @pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
    def test_the_commit_is_compared_with_not_the_file(self, tmp_path: Path) -> None:
        def git(*command: str) -> None:
            names = ("-c", "user.name=n", "-c", "user.email=n@example.org")
            subprocess.run(["git", "-C", tmp_path, *names, *command], check=True)  # noqa: S607

        page = tmp_path / "page.json"
        page.write_text(as_json([Figure(UP, 0.5, 9)], "abc"), "utf-8")
        assert committed(page) == {UP: (0.5, 9)}
        git("init", "--quiet")
        git("add", "page.json")
        git("commit", "--quiet", "--message=one")
        page.write_text(as_json([Figure(UP, 0.7, 9)], "abc"), "utf-8")
        assert committed(page) == {UP: (0.5, 9)}
        made_from = origin(tmp_path, ("page.json",))
        assert made_from.isalnum()
        (tmp_path / "other").write_text("x")
        assert origin(tmp_path, ("page.json",)) == f"{made_from} with changes"

    def test_nothing_to_compare_with(self, tmp_path: Path) -> None:
        assert committed(tmp_path / "page.json") == {}

    @pytest.mark.parametrize(("extra", "status"), [((), 0), (("--check",), 1)])
    def test_check_fails_when_a_figure_fell(
        self, tmp_path: Path, extra: tuple[str, ...], status: int
    ) -> None:
        name = "decisions right: first, all, %"
        best = tmp_path / "best.json"
        best.write_text(as_json([Figure(name, 1.5, 9)], "abc"), "utf-8")
        asked = ["--only", "decisions", "--workers", "1", "--against", str(best), *extra]
        result = CliRunner().invoke(main, asked)
        assert result.exit_code == status
        assert "lowered:" in result.stderr
        assert f"{name}: 150.0 -> " in result.stderr


class TestSources:
    def test_apart(self) -> None:
        cases = [case("sexual", "a"), case("sexual", "b", source="two")]
        seen, unseen = sources.apart(cases, frozenset({"one"}))
        assert seen == (sources.SEEN, cases[:1])
        assert unseen == (sources.UNSEEN, cases[1:])

    def test_trained_on(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text('{"source": "one"}\n{"source": "two"}\n')
        (tmp_path / "b.jsonl").write_text('{"source": "one"}\n')
        assert sources.trained_on(tmp_path) == {"one", "two"}
        assert sources.trained_on(tmp_path / "nowhere") == frozenset()

    def test_left_out_of_a_copy(self, tmp_path: Path) -> None:
        train = tmp_path / "data/train"
        train.mkdir(parents=True)
        (tmp_path / "data/dev").mkdir()
        (train / "a.jsonl").write_text('{"source": "one"}\n{"source": "two"}\n')
        heldout.without(tmp_path / "data", frozenset({"one"}), tmp_path / "copy")
        assert (tmp_path / "copy/train/a.jsonl").read_text() == '{"source": "two"}\n'
        assert (tmp_path / "copy/dev").is_dir()
        assert len((train / "a.jsonl").read_text().splitlines()) == 2

    def test_shipped_beside_left_out(self) -> None:
        nude = Seen("refuse", "-", Severity.NUDITY, 0.9, (), "p@1", ("d 1",))
        labels: list[dict[str, Any]] = [{"label": 1}, {"label": 0, "source": "two"}]
        shipped = [case("sexual", "a", nude, **of) for of in labels]
        left_out = [case("sexual", "a", **of) for of in labels]
        outcome = heldout.Outcome(
            {"sexual": shipped, "person": []}, {"sexual": left_out, "person": []}
        )
        sexual, person = outcome.tables()
        cells = {line[0]: line[1:] for line in sexual.rows}
        assert cells["all"] == ("2", "0.500", "0.500", "1.000", "0.000", "100.0", "0.0")
        assert cells["one"] == ("1", "–", "–", "1.000", "0.000", "–", "–")
        assert cells["two"][-2:] == ("100.0", "0.0")
        assert [line[0] for line in person.rows] == ["all"]

    @pytest.mark.skipif(not DATA.is_dir(), reason="the data (../shared/data) is not here")
    def test_groups_are_apart_and_are_trained_on(self) -> None:
        groups = list(heldout.folds().values())
        together = frozenset[str]().union(*groups)
        assert sum(map(len, groups)) == len(together)
        assert together <= sources.trained_on(DATA / "train")
