"""`guardrail log archive`, `log verify --archive` and `log stats --archive`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.log import locate, open_log
from tests.log.archived import MONTHS, fill
from tests.log.support import ROOT, python


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["log", *args])


def done(*args: str) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def folder(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GUARDRAIL_ARCHIVE", raising=False)
    fill(url)
    out = done("archive", "--log", url, "--until", "2026-03", "--to", str(tmp_path / "archive"))
    assert [line[:8] for line in out.splitlines()] == [f"{month}:" for month in MONTHS]
    return str(tmp_path / "archive")


@pytest.fixture
def key(folder: str, url: str, tmp_path: Path) -> str:
    assert folder
    file = tmp_path / "log.vkey"
    file.write_text(done("key", "--log", url))
    return str(file)


def test_archive_again_says_that_there_is_nothing(url: str, folder: str) -> None:
    result = run("archive", "--log", url, "--until", "2026-03", "--to", folder)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no further month is complete\n"
    out = done("archive", "--log", url, "--until", "2026-02", "--to", folder + "2", "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert [month["month"] for month in found] == MONTHS[:2]
    assert found[1]["first"] == found[0]["last"] + 1


def test_verify_needs_no_log(url: str, folder: str, key: str) -> None:
    for file in locate(url).path.parent.glob("attempts.db*"):
        file.unlink()
    out = done("verify", "--archive", folder, "--key", key)
    assert out.startswith("ok: ")
    assert "of 2026-01 to 2026-03, all of them signed\n3 month(s), guardrail-log/" in out
    found = json.loads(done("verify", "--archive", folder, "--key", key, "--json"))
    assert (found["ok"], found["months"], found["faults"]) == (True, MONTHS, [])


def test_verify_says_what_is_wrong(folder: str, key: str) -> None:
    Path(folder, "2026-02.leaves").unlink()
    result = run("verify", "--archive", folder, "--key", key)
    assert result.exit_code == 1
    assert result.stdout.startswith("WRONG: 1 fault(s) among ")
    assert "\n  2026-02: missing: entries " in result.stdout
    found = json.loads(run("verify", "--archive", folder, "--key", key, "--json").stdout)
    (fault,) = found["faults"]
    assert (found["ok"], fault["where"], fault["kind"]) == (False, "2026-02", "missing")


def test_verify_against_what_was_kept_elsewhere(
    url: str, folder: str, key: str, path: Path, tmp_path: Path
) -> None:
    kept = path.with_name("attempts.db.checkpoint")
    out = done("verify", "--archive", folder, "--key", key, "--checkpoint", str(kept))
    assert f"not held against anything: {kept} is of entries after " in out
    receipt = str(tmp_path / "one.tlog-proof")
    with open_log(url, readonly=True) as log:
        oldest = [*log.attempts()][-1]
    done("receipt", oldest.id, "--log", url, "--output", receipt)
    done("verify", "--archive", folder, "--key", key, "--receipt", receipt)
    text = Path(receipt).read_text().replace("index ", "index 1", 1)
    Path(receipt).write_text(text)
    result = run("verify", "--archive", folder, "--key", key, "--receipt", receipt)
    assert result.exit_code == 1
    assert f"{receipt}: edited: entry 1" in result.stdout
    Path(receipt).write_text("nothing")
    result = run("verify", "--archive", folder, "--key", key, "--receipt", receipt)
    assert f"{receipt}: bad receipt: " in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("verify", "--archive", "{folder}"), "give --key"),
        (("verify", "--archive", "{folder}", "--log", "sqlite:///x"), "without --log"),
        (("verify", "--archive", "{folder}x", "--key", "{key}"), "no archive at"),
        (("archive", "--to", "{folder}", "--until", "2026-13"), "not a month: '2026-13'"),
        (("archive", "--until", "2026-12"), "Missing option '--to'"),
        (("archive", "--to", "x", "--log", "sqlite:///{folder}/none.db"), "no attempt log at"),
        (("stats", "--archive", "{folder}x"), "no archive at"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: str, key: str, args: tuple[str, ...], message: str
) -> None:
    result = run(*(part.format(folder=folder, key=key) for part in args))
    assert result.exit_code == 2
    assert message in result.stderr


def test_stats_of_both_are_those_of_the_log(
    url: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = ("stats", "--log", url, "--by", "month,rule,jurisdiction")
    wanted = done(*by)
    assert done(*by, "--archive", folder) == wanted
    assert done(*by, "--cached") == wanted
    assert done(*by, "--cached", "--archive", folder) == wanted
    monkeypatch.setenv("GUARDRAIL_ARCHIVE", folder)
    assert done(*by) == wanted


def test_stats_of_an_archive_need_no_log(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GUARDRAIL_LOG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "nothing"))
    found = json.loads(done("stats", "--archive", folder, "--by", "month"))
    assert [row["month"] for row in found["rows"]] == MONTHS


def test_without_duckdb_it_says_what_to_install(url: str, folder: str) -> None:
    code = """import sys
sys.modules["duckdb"] = None
from guardrail.cli import main
main(["log", "archive", "--log", sys.argv[1], "--to", sys.argv[2] + "-new"])"""
    process = python(code, url, folder)
    _, err = process.communicate()
    assert process.returncode == 2
    assert "pip install 'likeness-guardrail[archive]'" in err
    assert "Traceback" not in err


def test_the_log_is_read_without_duckdb(url: str, folder: str) -> None:
    assert folder
    code = """import sys
sys.modules["duckdb"] = None
from guardrail.cli import main
main(["log", "stats", "--log", sys.argv[1], "--json"])"""
    process = python(code, url)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert json.loads(out)["total"]["opened"] == 480


def test_progress_on_a_terminal(url: str, folder: str) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "guardrail", "log", "archive", "--log", url]
    command += ["--until", "2026-03", "--to", f"{folder}-again"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=follower, text=True
    ) as process:
        os.close(follower)
        seen = b""
        while chunk := _read(leader):
            seen += chunk
    os.close(leader)
    assert process.returncode == 0
    assert b"426/4" in seen


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux reports a closed terminal so
        return b""


@pytest.mark.parametrize("command", ["archive", "verify", "stats"])
def test_help_has_examples(command: str) -> None:
    out = done(command, "--help")
    assert f"  guardrail log {command}" in out
    assert "/archive/guardrail" in out
