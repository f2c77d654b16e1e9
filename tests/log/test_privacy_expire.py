"""Retention: classes by rule and jurisdiction, and what is erased once its time is over."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.errors import ConfigurationError, PolicyError
from guardrail.log import Log, open_log
from guardrail.log.access import Identity, access
from guardrail.log.expiry import expire
from guardrail.log.holds import Scope, add_hold, release_hold
from guardrail.log.private import Kept
from guardrail.log.retention import Retention, load_retention
from guardrail.log.times import HOUR
from tests.log.engines import BOTH
from tests.log.support import GATE, REFUSE, ROOT, T0, held, opened, request, rows, url_of
from tests.log.test_migrate import schema1
from tests.log.test_privacy import verified

ENGINES = BOTH
BY = Identity("cron", "os")
DAY = 24 * HOUR
FILE = """
retention:
  - class: japan
    match: {jurisdiction: JP, action: [refuse, gate]}
    keep: 365d
  - class: gated
    match: {rule: adult-content, operation: "image.*"}
    keep: 7d
default: {class: rest, keep: 30d}
"""


def retention(tmp_path: Path, text: str = FILE) -> Retention:
    file = tmp_path / "retention.yaml"
    file.write_text(text, "utf-8")
    return load_retention(file)


def kept(**fields: str) -> Kept:
    return Kept("a", 1, T0, "u", "c", **{**dict.fromkeys(Kept._fields[5:], ""), **fields})


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"jurisdiction": "JP", "action": "refuse", "rule": "adult-content"}, "japan"),
        ({"jurisdiction": "JP-13", "action": "gate"}, "japan"),
        ({"jurisdiction": "JPX", "action": "gate"}, "rest"),
        ({"jurisdiction": "JP", "action": "allow"}, "rest"),
        ({"rule": "adult-content", "operation": "image.edit"}, "gated"),
        ({"rule": "adult-content", "operation": "chat"}, "rest"),
    ],
)
def test_the_first_class_that_fits(tmp_path: Path, fields: dict[str, str], name: str) -> None:
    assert retention(tmp_path).of(kept(**fields)).name == name


def test_the_digest_is_of_what_is_said(tmp_path: Path) -> None:
    one = retention(tmp_path)
    assert retention(tmp_path, f"# a comment\n{FILE}").digest == one.digest
    assert retention(tmp_path, FILE.replace("30d", "31d")).digest != one.digest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("retention: []", "1:1: found no 'default'"),
        ("default: {keep: soon}", "1:17: found 'soon', expected a time such as 180d"),
        ("default: {keep: 0d}", "1:17: found '0d'"),
        ("default: {keep: 1d, for: ever}", "1:21: found unknown key 'for'"),
        (FILE.replace("JP,", "UK,"), "4:27: found 'UK', expected unknown, or an ISO 3166"),
        (FILE.replace("gate]", "stop]"), "4:48: found 'stop', expected one of allow"),
        (FILE.replace("image.*", "draw"), "7:45: found 'draw', expected an operation"),
        (FILE.replace("class: gated", "class: rest"), "6:12: found 'rest' a second time"),
        (FILE.replace("match: {j", "match: {rules: x, j"), "4:13: found unknown key 'rules'"),
        ("retention: [", "2:1"),
    ],
)
def test_a_bad_file_says_where(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(f"retention.yaml:{told}")):
        retention(tmp_path, text)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_retention(tmp_path / "none.yaml")


def fill(log: Log) -> None:
    """Four attempts at T0: two classes, two users, one of nobody; one a month later."""
    for name, where, decision, user in (
        ("jp", "JP", REFUSE, "anna"),
        ("gated", "FR", GATE, "anna"),
        ("rest", "FR", REFUSE, "anna"),
        ("nobody", "FR", REFUSE, ""),
    ):
        asked = request("a garden in autumn", user=user, where=where)
        log.open(opened(decision, asked=asked, id=name, at=T0))
    asked = request("a garden in winter", user="anna", where="FR")
    log.open(opened(REFUSE, asked=asked, id="late", at=T0 + 31 * DAY))


def left(log: Log) -> set[str]:
    return {row.id for row in log.attempts() if log.private(row.id) is not None}


def test_each_goes_in_its_time(url: str, path: Path, tmp_path: Path) -> None:
    classes = retention(tmp_path)
    with open_log(url_of(path, "excerpt=50")) as log:
        fill(log)
        for day, gone in ((6, set()), (8, {"gated"}), (31, {"rest", "nobody"}), (366, {"jp"})):
            before = left(log)
            told = expire(log, BY, classes, now=T0 + day * DAY, dry_run=True)
            done = expire(log, BY, classes, now=T0 + day * DAY)
            assert (done.classes, done.problem) == (told.classes, "")
            assert before - left(log) >= gone
            if day < 366:
                assert before - left(log) == gone
        assert left(log) == set()
        bodies = [json.loads(entry.body) for entry in log.entries(["expire"])]
        assert [body["classes"] for body in bodies] == [
            {"gated": 1},
            {"rest": 2},
            {"japan": 1, "rest": 1},
        ]
        assert {body["retention"] for body in bodies} == {classes.digest}
        assert log.vault.keys.user("anna").encode() not in held(log.location.path)
    assert rows(log.location.path, "SELECT count(*) FROM data_keys") == [(0,)]
    found = verified(url).private
    assert found is not None
    assert (found.opened, found.erased, found.erasing) == (0, 5, 3)


def test_a_key_stays_as_long_as_something_needs_it(log: Log, tmp_path: Path) -> None:
    fill(log)
    expire(log, BY, retention(tmp_path), now=T0 + 8 * DAY)
    assert log.private("rest") is not None
    assert log.private("gated") is None


def test_a_hold_is_waited_for(log: Log, url: str, tmp_path: Path) -> None:
    fill(log)
    classes = retention(tmp_path)
    add_hold(log, BY, "CASE-7", "letter", Scope(user="anna"))
    done = expire(log, BY, classes, now=T0 + 32 * DAY)
    assert (done.classes.total(), done.held) == (1, 2)
    assert left(log) == {"jp", "gated", "rest", "late"}
    release_hold(log, BY, "CASE-7", "closed")
    done = expire(log, BY, classes, now=T0 + 32 * DAY)
    assert (done.classes.total(), done.held) == (2, 0)
    assert left(log) == {"jp", "late"}
    verified(url)


def test_batches(log: Log, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardrail.log.expiry.BATCH", 2)
    fill(log)
    seen: list[int] = []
    done = expire(log, BY, retention(tmp_path), now=T0 + 40 * DAY, watch=seen.append)
    assert (len(done.entries), done.classes.total()) == (2, 3)
    assert seen == [2, 4, 5]
    verified(url)


def test_for_ever(log: Log, tmp_path: Path) -> None:
    fill(log)
    classes = retention(tmp_path, "default: {keep: forever}")
    done = expire(log, BY, classes, now=T0 + 10_000 * DAY)
    assert (done.classes.total(), done.entries) == (0, [])


def test_whom_accesses_named_expires_too(log: Log, url: str, tmp_path: Path) -> None:
    fill(log)
    access(log, BY, {"command": "list"}, "why", user="anna")
    (entry,) = log.entries(["access"])
    done = expire(log, BY, retention(tmp_path), now=entry.at + 31 * DAY)
    assert done.events == 1
    verified(url)


@pytest.mark.usefixtures("sqlite_only")
def test_older_schemas(url: str, path: Path, tmp_path: Path) -> None:
    schema1(path, 4)
    with open_log(url) as log:
        (newest, *_) = log.attempts()
        classes = retention(tmp_path, "default: {keep: 1d}")
        done = expire(log, BY, classes, now=newest.at + 2 * DAY)
        assert (done.classes.total(), done.older) == (4, 4)
        assert [row.user for row in log.attempts()] == [""] * 4
    verified(url)


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["log", *args])


def test_the_command(log: Log, url: str, tmp_path: Path) -> None:
    fill(log)
    retention(tmp_path)
    args = ("expire", "--log", url, "--retention", str(tmp_path / "retention.yaml"))
    told = run(*args, "--dry-run")
    assert told.exit_code == 0
    assert told.stdout.startswith("would be erased: the data of 4 attempt(s)\n  gated: 1\n")
    assert not [*log.entries(["expire"])]
    asked = run(*args)
    assert (asked.exit_code, "give --yes" in asked.stderr) == (2, True)
    done = json.loads(run(*args, "--yes", "--json").stdout)
    assert (done["attempts"], done["classes"]) == (4, {"gated": 1, "rest": 3}) or done[
        "classes"
    ] == {"gated": 1, "japan": 1, "rest": 3}
    verified(url)


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "privacy.md").read_text("utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert retention(tmp_path, text).default.keep == 180 * DAY
