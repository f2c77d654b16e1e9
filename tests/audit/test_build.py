"""A pack: what is in it, that it is the same again, and what stops it from being built."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guardrail.audit.build import Built
from guardrail.audit.history import Version
from guardrail.audit.inquiry import moment_of
from guardrail.audit.pin import lock_path
from guardrail.audit.records import Count
from guardrail.audit.tallies import changes
from guardrail.errors import ConfigurationError
from guardrail.log import locate, open_log
from tests.audit.support import (
    CASES,
    DAY,
    T0,
    TEXT,
    attempt,
    built,
    ended,
    inquiry,
    new_log,
    traffic,
)


def table(built: Built, name: str) -> list[dict[str, str]]:
    text = (built.folder / "data" / f"{name}.csv").read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_bytes_whatever_was_logged_since(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db")
    path = inquiry(tmp_path, languages=["ja", "en"], template="dsa")
    first = built(path, url, tmp_path / "one")
    with open_log(url) as log:
        traffic(log, 90, seed=2)
    again = built(path, url, tmp_path / "two")
    assert tree(first.folder) == tree(again.folder)
    assert first.zip.read_bytes() == again.zip.read_bytes()
    assert first.note.read_bytes() == again.note.read_bytes()


def test_an_attempt_that_ends_later_stays_open_in_the_report(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=20)
    late = attempt(T0 + DAY, 0, user="late", where="JP-27")
    other = attempt(T0 + DAY, 4, user="late", where="JP-27")
    with open_log(url) as log:
        log.open(late)
        log.open(other)
    path = inquiry(tmp_path)
    first = built(path, url, tmp_path / "one")
    with open_log(url) as log:
        log.close(ended(late, 0))
        log.close(ended(other, 4))
    again = built(path, url, tmp_path / "two")
    assert tree(first.folder) == tree(again.folder)
    (row,) = (row for row in table(first, "by_jurisdiction") if row["jurisdiction"] == "JP-27")
    assert (row["opened"], row["refused"], row["unfinished"]) == ("2", "0", "2")
    kept = [row for row in table(first, "attempts_kept") if row["jurisdiction"] == "JP-27"]
    assert {row["rule"]: row["outcome"] for row in kept} == {"real-person": "", "": ""}


def test_figures_are_those_of_the_log(packed: tuple[Built, str]) -> None:
    built, url = packed
    with open_log(url, readonly=True) as log:
        stats = log.stats(T0, T0 + 20 * DAY, ["jurisdiction"])
    japan = [row for row in stats.rows if row.key[0] in {"JP", "JP-13"}]
    rows = {row["measure"]: row for row in table(built, "denominators")}
    assert int(rows["Requests"]["everywhere"]) == stats.total.opened == 180
    assert int(rows["Requests"]["scoped"]) == sum(row.opened for row in japan)
    assert int(rows["Refused"]["scoped"]) == sum(row.refused for row in japan)
    assert int(rows["Gated"]["scoped"]) == sum(row.gated for row in japan)
    assert int(rows["Unfinished"]["scoped"]) == sum(row.unfinished for row in japan)
    assert int(rows["Kept in full"]["scoped"]) == sum(row.flagged for row in japan)
    by_day = [int(row["opened"]) for row in table(built, "by_day")]
    assert sum(by_day) == sum(row.opened for row in japan)
    assert len(by_day) == 20
    policies = {row["policy"].partition(" ")[0] for row in table(built, "by_policy")}
    assert policies == {"default@1", "default@2"}


def test_rules_are_counted_by_how_attempts_ended(packed: tuple[Built, str]) -> None:
    built, url = packed
    with open_log(url, readonly=True) as log:
        found = [row for row in log.attempts() if row.jurisdiction.startswith("JP")]
    for row in table(built, "by_rule"):
        ours = [one for one in found if (one.rule, one.reason) == (row["rule"], row["reason"])]
        assert int(row["attempts"]) == len(ours)
        assert int(row["refused"]) == sum(one.outcome == "refused" for one in ours)
    assert {row["rule"] for row in table(built, "by_rule")} == {case[2] for case in CASES}


def test_callers_are_pseudonyms_of_this_report_alone(
    packed: tuple[Built, str], tmp_path: Path
) -> None:
    first, url = packed
    other = built(inquiry(tmp_path), url, tmp_path / "out")
    names = [[row["user"] for row in table(one, "offenders")] for one in (first, other)]
    assert all(re.fullmatch(r"U-[A-Z2-7]{8}", name) for name in names[0])
    assert len(names[0]) == len(names[1]) == len(set(names[0]))
    assert not set(names[0]) & set(names[1])
    with open_log(url, readonly=True) as log:
        users = {row.user for row in log.attempts()} - {""}
    shown = [data for name, data in tree(first.folder).items() if "evidence/" not in name]
    assert users
    assert not any(user.encode() in data for user in users for data in shown)


def test_changes_of_policy_have_equal_sides(packed: tuple[Built, str]) -> None:
    rows = {row["measure"]: row for row in table(packed[0], "change_1")}
    with open_log(packed[1], readonly=True) as log:
        sides = [
            sum(
                row.opened
                for row in log.stats(T0 + day * DAY, T0 + (day + 10) * DAY, ["jurisdiction"]).rows
                if row.key[0].startswith("JP")
            )
            for day in (0, 10)
        ]
    assert [int(rows["Requests"]["before"]), int(rows["Requests"]["after"])] == sides
    assert float(rows["Requests"]["per_day_before"]) == sides[0] / 10


def test_a_day_that_two_policies_share_is_on_neither_side() -> None:
    def on(day: int, policy: str) -> Count:
        return Count(day, "chat", "", "free", policy, 10 * day, refused=day)

    noon = 5 * DAY + DAY // 2
    old, new = Version("a@1", 0, noon, 1), Version("a@2", noon, None, 2)
    days = [on(day, "a@1") for day in range(6)] + [on(day, "a@2") for day in range(5, 9)]
    (change,) = changes([old, new], days, [], (0, 9, 0))
    assert change.days == 3
    assert change.old.refused == 2 + 3 + 4
    assert change.new.refused == 6 + 7 + 8
    (inferred,) = changes(
        [replace(old, seq=0), replace(new, seq=0, since=5 * DAY)], days, [], (0, 9, 0)
    )
    assert (inferred.old, inferred.new) == (change.old, change.new)
    assert changes([old, new], days, [], (6, 9, 0)) == []


def test_gaps_and_latency_are_told(packed: tuple[Built, str]) -> None:
    built, url = packed
    with open_log(url, readonly=True) as log:
        found = [row for row in log.attempts() if row.jurisdiction.startswith("JP")]
    ends = [row.closed["ms"] for row in found if row.closed is not None]
    rows = {row["outcome"]: row for row in table(built, "latency")}
    assert int(rows["all"]["attempts"]) == len(ends)
    assert float(rows["all"]["longest"]) == max(ends)
    assert float(rows["all"]["p50"]) == sorted(ends)[-(-len(ends) // 2) - 1]
    unscanned = [row for row in found if row.outcome and row.rule == "on-error"]
    statuses = {(row["detector"], row["status"]): row for row in table(built, "detectors")}
    assert int(statuses["persons.names", "timeout"]["attempts"]) == len(unscanned)
    (error,) = table(built, "errors")
    assert error["error"] == "APITimeoutError"
    assert int(error["attempts"]) == sum(row.outcome == "failed" for row in found)


def test_texts_are_redacted_unless_a_reason_is_logged(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=40)
    path = inquiry(tmp_path, evidence="proofs")
    redacted = built(path, url, tmp_path / "out")
    assert not any(TEXT.encode() in data for data in tree(redacted.folder).values())
    shown = built(path, url, tmp_path / "out", decrypt=True, why="question 4")
    assert TEXT in (shown.folder / "report.en.html").read_text("utf-8")
    with open_log(url, readonly=True) as log:
        entries = [json.loads(entry.body) for entry in log.entries(["access"])]
    whats = [
        (entry["what"]["command"], entry["what"]["inquiry"], entry["why"]) for entry in entries
    ]
    assert whats == [
        ("inquiry build", "R-12", ""),
        ("inquiry build", "R-12", "question 4"),
        ("inquiry excerpts", "R-12", "question 4"),
    ]
    assert {entry["who"]["uid"] for entry in entries} == {os.getuid()}
    assert len(entries[2]["what"]["attempts"]) == len(table(shown, "samples"))


def test_who_looks_is_logged_even_if_nothing_comes_of_it(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=9)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "inquiry").mkdir()
    with pytest.raises(ConfigurationError, match="is no pack"):
        built(inquiry(tmp_path), url, tmp_path / "out")
    with open_log(url, readonly=True) as log:
        assert len(list(log.entries(["access"]))) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["inquiry"]


def test_policies_that_the_log_states_are_the_controls(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=20, told=True)
    made = built(inquiry(tmp_path), url, tmp_path / "out")
    rows = {row["rule"]: row for row in table(made, "controls")}
    assert rows["real-person-sexual-image"]["floor"] == "yes"
    assert "AI Act" in rows["real-person-sexual-image"]["law"]
    assert rows["jp-edit-of-photo"]["overlay"] == "JP"
    assert rows["jp-edit-of-photo"]["policy"].startswith("default@2")
    assert rows["minor-sexual"]["until"] == "in force"
    proofs = made.folder / "evidence" / "proofs"
    assert len(list(proofs.glob("policy-entry-*.tlog-proof"))) == 2


def test_rules_in_force_are_those_at_the_end_of_the_period(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=20, told=True)
    question = [{"id": "Q", "text": "?", "answer": "in force: {{ controls }}"}]
    later = moment_of(time.time_ns() + 2 * DAY).strftime("%Y-%m-%d")
    for until, number in (("2026-01-21", 0), (later, 14)):
        scope = {"since": "2026-01-01", "until": until}
        path = inquiry(tmp_path, scope=scope, questions=question)
        lock_path(path).unlink(missing_ok=True)
        made = built(path, url, tmp_path / "out")
        assert f"in force: {number}<" in (made.folder / "report.en.html").read_text("utf-8")


def test_reasons_narrow_what_is_said_of_single_attempts(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db")
    scope = {"since": "2026-01-01", "until": "2026-01-21", "reasons": ["minor_sexual"]}
    made = built(inquiry(tmp_path, scope=scope), url, tmp_path / "out")
    assert {row["reason"] for row in table(made, "by_rule")} == {"minor_sexual"}
    assert all("minor_sexual" in row["decision"] for row in table(made, "samples"))
    rows = {row["measure"]: row for row in table(made, "denominators")}
    assert rows["Requests"]["scoped"] == "180"


def test_statements_of_reasons_have_a_row_for_every_restriction(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db")
    scope = {"since": "2026-01-01", "until": "2026-01-21", "jurisdictions": ["EU"]}
    made = built(inquiry(tmp_path, template="dsa", scope=scope), url, tmp_path / "out")
    lines = (made.folder / "data" / "dsa_statements.jsonl").read_text("utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    with open_log(url, readonly=True) as log:
        stopped = {
            row.id
            for row in log.attempts()
            if row.jurisdiction == "DE" and row.action != "allow" and row.outcome
        }
    assert {row["puid"] for row in rows} == stopped
    assert len(rows) == len(table(made, "dsa_statements"))
    assert {tuple(row["territorial_scope"]) for row in rows} == {("DE",)}
    grounds = {row["decision_ground"]: row["category_specification"] for row in rows}
    assert grounds["DECISION_GROUND_ILLEGAL_CONTENT"] == [
        "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE"
    ]
    keywords = {row["category_specification"][0] for row in rows}
    assert "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE" in keywords


def test_the_zip_holds_the_folder_in_order(packed: tuple[Built, str]) -> None:
    with zipfile.ZipFile(packed[0].zip) as archive:
        names = archive.namelist()
        held = {name.partition("/")[2]: archive.read(name) for name in names}
        assert {info.date_time for info in archive.infolist()} == {archive.infolist()[0].date_time}
    assert held == tree(packed[0].folder)
    assert names[2:] == sorted(names[2:])


def test_only_proofs_where_that_is_asked_for(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=30)
    made = built(inquiry(tmp_path, evidence="proofs"), url, tmp_path / "out")
    assert not made.whole
    assert not (made.folder / "evidence" / "log").exists()
    assert "evidence/log/" not in (made.folder / "README.en.txt").read_text("utf-8")


def test_a_log_without_a_single_attempt_gives_a_pack(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=0)
    made = built(inquiry(tmp_path, languages=["en", "ja"]), url, tmp_path / "out")
    rows = {row["measure"]: row["scoped"] for row in table(made, "denominators")}
    assert rows["Requests"] == "0"


@pytest.mark.parametrize("template", ["ofcom", "action-taken-72h", "takedown-48h", "dsa"])
def test_every_template_makes_a_report_in_both_languages(template: str, tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=30)
    made = built(
        inquiry(tmp_path, template=template, languages=["en", "ja"]), url, tmp_path / "out"
    )
    for language in ("en", "ja"):
        text = (made.folder / f"report.{language}.html").read_text("utf-8")
        assert "R-12" in text
        assert "{{" not in text
        assert (made.folder / f"report.{language}.pdf").read_bytes().startswith(b"%PDF-")


def test_another_period_is_not_read_at_the_old_pin(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=20)
    path = inquiry(tmp_path)
    built(path, url, tmp_path / "out")
    scope = {"since": "2026-01-01", "until": "2026-01-10"}
    inquiry(tmp_path, scope=scope)
    with pytest.raises(ConfigurationError, match="period is not the one"):
        built(path, url, tmp_path / "out")


def test_another_log_is_not_read_at_the_pin(tmp_path: Path) -> None:
    path = inquiry(tmp_path)
    built(path, new_log(tmp_path / "one.db", number=20), tmp_path / "out")
    with pytest.raises(ConfigurationError, match="not of this log"):
        built(path, new_log(tmp_path / "two.db", number=20), tmp_path / "out")


def test_a_log_that_was_rewritten_below_the_pin_is_refused(tmp_path: Path) -> None:
    from tests.log.support import tamper

    url = new_log(tmp_path / "attempts.db", number=600)
    path = inquiry(tmp_path)
    built(path, url, tmp_path / "out")
    with open_log(url):
        pass
    tamper(tmp_path / "attempts.db", "UPDATE nodes SET hash = zeroblob(32)")
    with pytest.raises(ConfigurationError):
        built(path, url, tmp_path / "out")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"guardrail_inquiry_lock": 1}', "\x00"])
def test_a_damaged_lock_file_is_named(text: str, tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=9)
    path = inquiry(tmp_path)
    lock_path(path).write_text(text)
    with pytest.raises(ConfigurationError, match=r"inquiry\.lock\.json"):
        built(path, url, tmp_path / "out")


def test_the_lock_file_is_the_operators_alone(packed: tuple[Built, str]) -> None:
    lock = packed[0].folder.parents[1] / "inquiry.lock.json"
    assert lock.stat().st_mode & 0o777 == 0o600
    assert locate(packed[1]).path.exists()


def test_without_the_signing_key_nothing_is_read(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=9)
    locate(url).signing_key.unlink()
    with pytest.raises(ConfigurationError, match="signing key"):
        built(inquiry(tmp_path), url, tmp_path / "out")
    assert not (tmp_path / "out").exists()
