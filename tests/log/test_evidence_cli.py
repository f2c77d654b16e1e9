"""`guardrail log verify`, `receipt`, `export` and `key`."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.chain.entry import canonical, entry_leaf
from guardrail.cli import main
from guardrail.errors import LogUnavailable
from guardrail.log import locate, open_log
from guardrail.log.export import write_tiles
from guardrail.log.receipts import write_receipt
from tests.log.engines import BOTH, Databases, Engine, copy, drop, make
from tests.log.support import REFUSE, ROOT, T0, closed, opened, rows, tamper, url_of

ENGINES = BOTH


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["log", *args])


def done(*args: str) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def master(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, databases: Databases
) -> Iterator[Path]:
    """300 attempts, a minute apart, refused: entries 2 to 301, between those of the worker."""
    path = tmp_path_factory.mktemp("master") / "attempts.db"
    make(path, engine, databases)
    with open_log(url_of(path)) as log:
        for number in range(300):
            entry = opened(REFUSE, id=f"{number:03d}abcdef", at=T0 + number * 60_000_000_000)
            log.open(entry)
        log.close(closed(entry))
    yield path
    drop(path)


@pytest.fixture
def filled(master: Path, path: Path) -> str:
    """A copy that a test may spoil."""
    drop(path)
    copy(master, path)
    return url_of(path)


@pytest.fixture
def key(filled: str, tmp_path: Path) -> str:
    file = tmp_path / "log.vkey"
    file.write_text(done("key", "--log", filled))
    return str(file)


def test_verify_says_what_holds(filled: str, key: str) -> None:
    out = done("verify", "--log", filled)
    assert out.startswith("ok: 303 entries, of which the first 303 are signed\n")
    assert "the key that the log itself names" in out
    assert "workers: 1 started; they opened 300 attempts, closed 1 and kept 301 entries\n" in out
    assert "believed" not in done("verify", "--log", filled, "--key", key)
    assert "believed" not in done("verify", "--log", filled, "--key", Path(key).read_text().strip())
    assert json.loads(done("verify", "--log", filled, "--json"))["ok"] is True


def test_verify_says_what_is_wrong_and_where(filled: str, path: Path) -> None:
    tamper(path, "UPDATE entries SET body = replace(body, 'JP', 'FR') WHERE seq IN (7, 8)")
    result = run("verify", "--log", filled)
    assert result.exit_code == 1
    assert "WRONG" in result.stdout
    assert "  edited: entries 7-8: its bytes are not those that were signed\n" in result.stdout
    result = run("verify", "--log", filled, "--json")
    assert result.exit_code == 1
    assert [fault["first"] for fault in json.loads(result.stdout)["faults"]] == [7, 7, 8]


def test_many_faults_are_counted(filled: str, path: Path) -> None:
    tamper(path, "UPDATE attempts SET action = 'allow'")
    result = run("verify", "--log", filled)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 23
    assert "... and 280 more" in result.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["verify", "--log", "sqlite:///none.db"], "no attempt log at"),
        (["verify", "--key", "nothing"], "neither a key nor a file"),
        (["verify", "--key", "a+b+c"], "--key a+b+c: not a public key"),
        (["verify", "--export", "none"], "give --key"),
        (["verify", "--export", "none", "--log", "sqlite:///x.db"], "without --log"),
        (["receipt", "x", "--log", "sqlite:///none.db"], "no attempt log at"),
        (["export", "--tiles", "x", "--since", "1h"], "leave out --since"),
        (["key", "--log", "sqlite:///none.db"], "no attempt log at"),
    ],
)
def test_what_cannot_run_exits_with_2(args: list[str], message: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_checkpoint_kept_elsewhere(filled: str, path: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.checkpoint"
    shutil.copy(path.with_name("attempts.db.checkpoint"), kept)
    with open_log(filled) as log:
        log.open(opened(REFUSE))
    done("verify", "--log", filled, "--checkpoint", str(kept))
    other = tmp_path / "other.db"
    open_log(f"sqlite:///{other}").shutdown()
    result = run("verify", "--log", f"sqlite:///{other}", "--checkpoint", str(kept))
    assert result.exit_code == 1
    assert "kept.checkpoint" in result.stdout


def test_a_receipt_needs_nothing_but_the_key(filled: str, key: str, tmp_path: Path) -> None:
    file = tmp_path / "a.tlog-proof"
    told = done("receipt", "042abc", "--log", filled, "--output", str(file))
    assert told == f"{file}: entry 44, opened, of attempt 042abcdef\n"
    for other in tmp_path.iterdir():
        if other.name.startswith("attempts.db"):
            other.unlink()
    out = done("verify", "--receipt", str(file), "--key", key)
    assert out.startswith(f"ok: {file}: entry 44 of guardrail-log/")
    body = json.loads(out.partition("\n")[2])
    assert (body["id"], body["decision"]["action"]) == ("042abcdef", "refuse")
    assert run("verify", "--receipt", str(file)).exit_code == 2


def test_the_end_of_an_attempt_has_a_receipt_too(filled: str, key: str, tmp_path: Path) -> None:
    file = tmp_path / "a.tlog-proof"
    told = done("receipt", "299abc", "--log", filled, "--output", str(file), "--json")
    assert json.loads(told)["event"] == "closed"
    found = json.loads(done("verify", "--receipt", str(file), "--key", key, "--json"))
    assert (found["ok"], found["entry"], found["body"]["outcome"]) == (True, 302, "refused")
    out = done("receipt", "299abc", "--log", filled, "--event", "opened", "--output", "-")
    assert out.startswith("c2sp.org/tlog-proof@v1\nextra ")
    assert run("receipt", "298abc", "--log", filled, "--event", "closed").exit_code == 2


def test_a_receipt_that_was_changed(filled: str, key: str, tmp_path: Path) -> None:
    file = tmp_path / "a.tlog-proof"
    done("receipt", "042abc", "--log", filled, "--output", str(file))
    header, extra, rest = file.read_text().split("\n", 2)
    entry = base64.b64decode(extra.removeprefix("extra ")).replace(b"refuse", b"allow!")
    file.write_text(f"{header}\nextra {base64.b64encode(entry).decode()}\n{rest}")
    result = run("verify", "--receipt", str(file), "--key", key)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"WRONG: {file}: the inclusion proof")


def test_a_receipt_is_held_against_a_log(filled: str, tmp_path: Path, path: Path) -> None:
    file = tmp_path / "a.tlog-proof"
    done("receipt", "042abc", "--log", filled, "--output", str(file))
    done("verify", "--log", filled, "--receipt", str(file))
    tamper(path, "UPDATE entries SET body = replace(body, 'JP', 'FR') WHERE seq = 44")
    result = run("verify", "--log", filled, "--receipt", str(file))
    assert result.exit_code == 1
    assert "edited: entry 44, receipt 0: not what its receipt was given for" in result.stdout
    result = run("receipt", "042abc", "--log", filled)
    assert result.exit_code == 2
    assert "cannot prove its entry 44" in result.stderr


def test_an_entry_that_is_not_signed_yet_has_no_receipt(url: str, path: Path) -> None:
    with open_log(url) as log:
        log.open(opened(REFUSE, id="a"))
    tamper(path, "DELETE FROM checkpoints")
    with pytest.raises(LogUnavailable, match="not signed yet"):
        write_receipt(locate(url), "a")


def test_export_as_json_lines(filled: str, path: Path) -> None:
    lines = done("export", "--log", filled).splitlines()
    assert len(lines) == 304  # this access is one of them
    for line, (seq, leaf) in zip(
        lines, rows(path, "SELECT seq, leaf FROM entries ORDER BY seq"), strict=True
    ):
        found = json.loads(line)
        assert (found["seq"], found["leaf"]) == (seq, leaf.hex())
        assert entry_leaf(canonical(found["entry"])) == leaf
    part = done(
        "export", "--log", filled, "--since", "2026-01-16T01:00Z", "--until", "2026-01-16T02:00Z"
    )
    assert [json.loads(line)["seq"] for line in part.splitlines()] == list(range(62, 122))


def test_export_as_tiles(filled: str, key: str, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    assert "304 entries" in done("export", "--log", filled, "--tiles", str(folder))
    names = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert names == {
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/48",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/48",
    }
    assert "ok: 304 entries" in done("verify", "--export", str(folder), "--key", key)


def test_an_export_is_added_to(filled: str, key: str, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    done("export", "--log", filled, "--tiles", str(folder))
    first = folder / "tile" / "entries" / "000"
    before = first.stat().st_mtime_ns
    with open_log(filled) as log:
        for _ in range(300):
            log.open(opened(REFUSE))
    done("export", "--log", filled, "--tiles", str(folder))
    assert first.stat().st_mtime_ns == before
    assert "ok: 607 entries" in done("verify", "--export", str(folder), "--key", key)
    other = tmp_path / "other.db"
    with open_log(f"sqlite:///{other}") as log:
        log.open(opened(REFUSE))
    result = run("export", "--log", f"sqlite:///{other}", "--tiles", str(folder))
    assert result.exit_code == 2
    assert "cannot export to" in result.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tile/entries/000", "edited: entry 1:"),
        ("tile/0/000", "stored hash: entry 1:"),
        ("tile/1/000.p/1", "hash 0 of tile level 1"),
        ("checkpoint", "bad"),
    ],
)
def test_a_changed_export(filled: str, key: str, tmp_path: Path, name: str, told: str) -> None:
    folder = tmp_path / "archive"
    done("export", "--log", filled, "--tiles", str(folder))
    data = bytearray((folder / name).read_bytes())
    data[28] ^= 1
    (folder / name).write_bytes(data)
    result = run("verify", "--export", str(folder), "--key", key)
    assert result.exit_code == 1
    assert told in result.stdout


def test_an_export_without_a_part(filled: str, key: str, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    done("export", "--log", filled, "--tiles", str(folder))
    (folder / "tile" / "entries" / "000").unlink()
    result = run("verify", "--export", str(folder), "--key", key)
    assert result.exit_code == 1
    assert "missing: entries 1-256: not there" in result.stdout


def test_nothing_is_exported_before_it_is_signed(url: str, tmp_path: Path) -> None:
    open_log(url).shutdown()
    told = re.escape(f"nothing is signed yet in the attempt log {locate(url).name}")
    with pytest.raises(LogUnavailable, match=told):
        write_tiles(locate(url), tmp_path / "archive")


@pytest.mark.usefixtures("sqlite_only")
def test_progress_on_a_terminal(filled: str) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "guardrail", "log", "verify", "--log", filled]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=follower, text=True
    ) as process:
        os.close(follower)
        seen = b""
        while chunk := _read(leader):
            seen += chunk
        assert process.stdout is not None
        out = process.stdout.read()
    os.close(leader)
    assert out.startswith("ok: 303 entries")
    assert b"303/303" in seen


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux reports a closed terminal so
        return b""


@pytest.mark.parametrize("command", ["verify", "receipt", "export", "key"])
def test_help_has_examples(command: str) -> None:
    assert f"  guardrail log {command}" in done(command, "--help")
