from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.log import Log, open_log
from guardrail.records import Operation, Outcome
from tests.log.support import (
    ALLOW,
    GATE,
    HOUR,
    REFUSE,
    ROOT,
    T0,
    closed,
    opened,
    output_refusal,
    request,
)


@pytest.fixture
def filled(url: str) -> Iterator[Log]:
    """Four attempts an hour apart: a refusal, a gate, one stopped at its output, one allowed."""
    with open_log(f"{url}?excerpt=40") as log:
        for n, decision in enumerate((REFUSE, GATE, ALLOW, ALLOW)):
            asked = request(user=f"u{n}", where=["JP", "US-CA", "", "FR"][n])
            entry = opened(decision, asked=asked, id=f"{n}abcdef", at=T0 + n * HOUR)
            log.open(entry)
            if n == 2:
                log.close(closed(entry, Outcome.REFUSED, decision=output_refusal()))
            elif n != 1:
                log.close(closed(entry))
        log.flush()
        yield log


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["log", *args])


def lines(*args: str) -> list[dict[str, Any]]:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def ids(url: str, *args: str) -> list[str]:
    return [line["id"][0] for line in lines("list", "--log", url, *args)]


@pytest.mark.usefixtures("filled")
def test_list_writes_json_lines_into_a_pipe(url: str) -> None:
    first, *_, last = lines("list", "--log", url)
    assert (first["id"], last["id"]) == ("2abcdef", "0abcdef")
    assert last == {
        "id": "0abcdef",
        "at": "2026-01-16T00:00:00.000000000Z",
        "closed_at": "2026-01-16T00:00:00.002500000Z",
        "operation": "image.generate",
        "jurisdiction": "JP",
        "tier": "free",
        "policy": last["policy"],
        "user": last["user"],
        "conversation": "",
        "stage": "input",
        "action": "refuse",
        "rule": "real-person",
        "reason": "real_person_sexual",
        "outcome": "refused",
    }


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], "210"),
        (["--oldest-first"], "012"),
        (["--limit", "1"], "2"),
        (["--action", "refuse"], "20"),
        (["--rule", "adult-content"], "1"),
        (["--reason", "adult"], "1"),
        (["--jurisdiction", "us"], "1"),
        (["--jurisdiction", "unknown"], "2"),
        (["--user", "u0"], "0"),
        (["--outcome", "open"], "1"),
        (["--outcome", "refused"], "20"),
        (["--operation", "image.generate"], "210"),
        (["--operation", Operation.CHAT.value], ""),
        (["--since", "2026-01-16T01:00Z"], "21"),
        (["--until", "2026-01-16T01:00Z"], "0"),
        (["--since", "1h", "--until", "2026-01-16"], ""),
    ],
)
def test_list_filters(url: str, args: list[str], expected: str) -> None:
    assert "".join(ids(url, *args)) == expected


@pytest.mark.usefixtures("filled")
def test_show(url: str) -> None:
    (shown,) = lines("show", "--log", url, "0ab")
    assert shown["opened"]["facts"]["sexual"]["severity"] == "nudity"
    assert shown["closed"]["outcome"] == "refused"
    assert "excerpt" not in shown
    assert "garden" not in json.dumps(shown)
    (shown,) = lines("show", "--log", url, "0ab", "--excerpt", "--why", "a test")
    assert shown["excerpt"] == "a garden in autumn"


@pytest.mark.usefixtures("filled")
def test_stats(url: str) -> None:
    (found,) = lines("stats", "--log", url)
    assert (found["total"]["opened"], found["total"]["unfinished"]) == (4, 1)
    (found,) = lines("stats", "--log", url, "--by", "action, rule", "--since", "2026-01-16")
    assert {(row["action"], row["rule"]): row["opened"] for row in found["rows"]} == {
        ("allow", ""): 1,
        ("gate", "adult-content"): 1,
        ("refuse", "real-person"): 2,
    }


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["list"], "no attempt log at"),
        (["stats"], "no attempt log at"),
        (["show", "a"], "no attempt log at"),
    ],
)
def test_a_missing_log_is_one_clear_line(
    url: str, path: Path, args: list[str], message: str
) -> None:
    result = run(*args, "--log", url)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(path.parent.iterdir()) == []


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["show", "zzz"], "no attempt in the log"),
        (["stats", "--by", "colour"], "known: month, day"),
        (["list", "--since", "yesterday"], "not a time"),
        (["list", "--action", "ban"], "ban"),
    ],
)
def test_mistakes_are_explained(url: str, args: list[str], message: str) -> None:
    result = run(*args, "--log", url)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("command", ["list", "show", "stats"])
def test_help_has_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"  guardrail log {command}" in result.output


def test_the_location_comes_from_the_environment(
    url: str, filled: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDRAIL_LOG", url)
    assert [line["id"] for line in lines("list", "--limit", "1")] == ["2abcdef"]
    assert filled.location.path == Path(url.removeprefix("sqlite:///"))


def on_a_terminal(*args: str) -> str:
    """What a command prints when its output is a terminal 80 columns wide."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "dumb"}  # 80 columns
    command = [sys.executable, "-m", "guardrail", "log", *args]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        seen = b""
        while chunk := _read(leader):
            seen += chunk
    os.close(leader)
    assert process.returncode == 0, seen
    return seen.decode()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux reports a closed terminal so
        return b""


@pytest.mark.usefixtures("filled")
def test_on_a_terminal(url: str) -> None:
    table = on_a_terminal("list", "--log", url)
    assert "01-16 02:00:00" in table
    assert "real_person_sexual" in table
    assert max(map(len, table.splitlines())) <= 80
    assert not table.lstrip().startswith("{")
    shown = on_a_terminal("show", "--log", url, "0a", "--excerpt", "--why", "a test")
    assert "a garden in autumn" in shown
    assert '"severity": "nudity"' in shown
    counted = on_a_terminal("stats", "--log", url, "--by", "jurisdiction")
    assert "US-CA" in counted
    assert "all" in counted


def test_a_reader_that_stops_early_causes_no_traceback(url: str) -> None:
    with open_log(url) as log:
        for _ in range(1200):
            log.open(opened(REFUSE))
    command = [sys.executable, "-m", "guardrail", "log", "list", "--log", url]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("{")
        process.stdout.close()
        assert process.stderr.read() == ""
