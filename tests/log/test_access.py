"""Who looks is written down before anything is shown; the commands that erase."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.errors import LogUnavailable
from guardrail.log import Log, open_log
from guardrail.log.access import Identity, access, os_identity, read_accesses
from tests.log.engines import BOTH, FILES, copy, drop, refuse_entries
from tests.log.support import (
    REFUSE,
    ROOT,
    closed,
    held,
    opened,
    picture,
    request,
    rows,
    tamper,
    url_of,
)
from tests.log.test_migrate import schema1
from tests.log.test_privacy import verified

ENGINES = BOTH


@pytest.fixture
def filled(url: str, path: Path) -> str:
    with open_log(url_of(path, "excerpt=50")) as log:
        for number in range(4):
            asked = request(user=f"u{number % 2}", conversation="c1", images=(picture(),))
            entry = opened(REFUSE, asked=asked, id=f"{number}abc")
            log.open(entry)
            log.close(closed(entry))
    return url


def run(*args: str, **options: Any) -> Result:
    return CliRunner().invoke(main, ["log", *args], **options)


def accesses(url: str) -> list[dict[str, Any]]:
    result = run("access", "--log", url)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("show", "1a"), {"command": "show", "attempt": "1abc", "excerpt": False}),
        (("show", "1a", "--excerpt"), {"command": "show", "attempt": "1abc", "excerpt": True}),
        (
            ("list", "--user", "u1", "--action", "refuse"),
            {"command": "list", "filters": {"user": True, "action": "refuse"}},
        ),
        (
            ("list", "--conversation", "c1", "--since", "2026-01-16"),
            {
                "command": "list",
                "filters": {"conversation": True, "since": "2026-01-16T00:00:00.000000000Z"},
            },
        ),
        (
            ("receipt", "1a", "--output", "-"),
            {"command": "receipt", "attempt": "1abc", "event": None},
        ),
        (("export",), {"command": "export", "tiles": False, "since": None, "until": None}),
    ],
)
def test_a_look_is_written_down(filled: str, args: tuple[str, ...], what: dict[str, Any]) -> None:
    result = run(*args, "--log", filled, "--why", "complaint 12")
    assert result.exit_code == 0, result.output
    assert result.stdout
    (found,) = accesses(filled)
    assert (found["what"], found["why"]) == (what, "complaint 12")
    assert found["who"]["uid"] == os.getuid()
    assert found["who"]["source"] == "os"
    assert found["who"]["host"]
    verified(filled)


def test_what_lists_nobody_in_particular_is_not(filled: str) -> None:
    for args in (("list",), ("stats",), ("verify",), ("access",), ("key",)):
        assert run(*args, "--log", filled).exit_code == 0
    assert accesses(filled) == []


def test_an_excerpt_asks_why(filled: str) -> None:
    result = run("show", "1a", "--excerpt", "--log", filled)
    assert (result.exit_code, "say why with --why" in result.stderr) == (2, True)
    assert accesses(filled) == []


def test_whom_was_looked_for_is_only_committed_to(filled: str, path: Path) -> None:
    run("list", "--user", "u1", "--log", filled, "--why", "w")
    with open_log(filled, readonly=True) as log:
        (entry,) = log.entries(["access"])
        body = json.loads(entry.body)
        assert body["commitments"].keys() == {"user"}
        assert "u1" not in entry.body
        assert log.vault.keys.user("u1") not in entry.body
    assert b'"u1"' not in b"".join(body for (body,) in rows(path, "SELECT sealed FROM private"))


@pytest.mark.parametrize(
    "args", [("show", "1a"), ("list", "--user", "u1"), ("export",), ("receipt", "1a")]
)
def test_nothing_is_shown_where_it_cannot_be_written(
    filled: str, path: Path, args: tuple[str, ...]
) -> None:
    for name in (".signing-key", ".key"):
        file = path.with_name(path.name + name)
        file.rename(file.with_name("away"))
        result = run(*args, "--log", filled)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "nothing is shown, because this access cannot be written" in result.stderr
        assert "--copy" in result.stderr
        file.with_name("away").rename(file)


@pytest.mark.usefixtures("sqlite_only")
@pytest.mark.parametrize(
    "args", [("show", "1a"), ("list", "--user", "u1"), ("export",), ("receipt", "1a")]
)
def test_nothing_of_an_older_log_is_shown(path: Path, args: tuple[str, ...]) -> None:
    schema1(path, 2)
    result = run(*args, "--log", url_of(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "guardrail log upgrade" in result.stderr


def test_nothing_is_shown_while_the_write_fails(filled: str, path: Path) -> None:
    refuse_entries(path)
    result = run("show", "1a", "--log", filled)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nothing is shown" in result.stderr


def test_a_copy_is_looked_at_openly(filled: str, path: Path, tmp_path: Path) -> None:
    refused = run("show", "1a", "--log", filled, "--copy")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "is no copy" in refused.stderr
    folder = tmp_path / "copy"
    folder.mkdir()
    target = folder / path.name
    copy(path, target)
    for name in FILES:
        target.with_name(target.name + name).unlink()
    there = url_of(target)
    shown = run("show", "1a", "--log", there, "--copy")
    assert shown.exit_code == 0, shown.output
    assert "this access is not written into the log" in shown.stderr
    assert json.loads(shown.stdout)["private"] is None
    assert run("show", "1a", "--log", there, "--copy", "--excerpt", "--why", "w").exit_code == 2
    shutil.copy(path.with_name("attempts.db.key"), folder)
    shown = run("show", "1a", "--log", there, "--copy", "--excerpt", "--why", "w")
    assert json.loads(shown.stdout)["excerpt"] == "a garden in autumn"
    assert run("list", "--user", "u1", "--log", there, "--copy").stdout.count("\n") == 2
    assert run("export", "--log", there, "--copy").stdout.count("\n") == 10
    assert accesses(there) == accesses(filled) == []
    drop(target)


def test_whoever_uses_sudo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "keiko")
    assert os_identity().json()["sudo_user"] == "keiko"


def test_a_console_names_its_own_user(log: Log) -> None:
    seq = access(log, Identity("keiko@example", "console"), {"command": "page"}, "x" * 2000)
    (found,) = read_accesses(log)
    assert (found.seq, found.who["name"], found.who["source"]) == (seq, "keiko@example", "console")
    assert len(found.why) == 1000
    log.shutdown()
    with pytest.raises(LogUnavailable, match="nothing is shown"):
        access(log, Identity("keiko"), {"command": "page"})


def test_show_opens_what_the_entry_commits_to(filled: str) -> None:
    shown = json.loads(run("show", "1a", "--log", filled).stdout)
    assert shown["private"].keys() == {"user", "conversation", "prompt_hash", "images"}
    assert shown["opened"]["commitments"].keys() == {*shown["private"], "excerpt"}
    assert "garden" not in json.dumps(shown)


def test_shred_and_hold_by_command(filled: str, path: Path) -> None:
    def done(*args: str) -> str:
        result = run(*args, "--log", filled)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert done("hold", "add", "C-1", "--why", "w", "--subject", "u1").startswith("hold C-1 is in")
    (listed,) = done("hold", "list").splitlines()
    assert json.loads(listed)["scope"] == {"subject": True}
    refused = run("shred", "--subject", "u1", "--why", "w", "--yes", "--log", filled)
    assert refused.exit_code == 2
    assert "the legal hold 'C-1'" in refused.stderr
    assert "released" in done("hold", "release", "C-1", "--why", "w")
    asked = run("shred", "--subject", "u1", "--why", "w", "--log", filled)
    assert (asked.exit_code, "give --yes" in asked.stderr) == (2, True)
    told = json.loads(done("shred", "--subject", "u1", "--why", "w", "--yes", "--json"))
    assert (told["attempts"], told["problem"], told["opening"]["name"]) == (2, "", "subject")
    assert told["opening"]["value"][0].encode() not in held(path)
    assert "2 attempt(s)" in done("shred", "--subject", "u0", "--why", "w", "--yes")
    assert "0 as committed to, 5 erased (entries that say so: 2)" in done("verify")
    assert "is rewritten" in done("scrub")
    assert "schema 3" in done("upgrade")
    verified(filled)


@pytest.mark.parametrize(
    "args",
    [
        ("shred", "--why", "w", "--yes"),
        ("shred", "--subject", "u", "--attempt", "a", "--why", "w", "--yes"),
        ("shred", "--subject", "u", "--yes"),
        ("hold", "add", "C-1", "--why", "w"),
        ("hold", "add", "C-1", "--why", "w", "--everything", "--rule", "r"),
        ("hold", "release", "C-1", "--why", "w"),
        ("expire", "--yes"),
    ],
)
def test_wrong_use_is_said(filled: str, path: Path, args: tuple[str, ...]) -> None:
    result = run(*args, "--log", filled)
    assert result.exit_code == 2
    assert result.stderr
    assert rows(path, "SELECT count(*) FROM entries") == [(10,)]


def test_on_a_terminal_it_asks(filled: str) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "guardrail", "log", "shred", "--log", filled]
    with subprocess.Popen(
        [*command, "--subject", "u1", "--why", "w"],
        cwd=ROOT,
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(leader, b"n\n")
        out, errors = process.communicate()
    os.close(leader)
    os.close(follower)
    assert process.returncode != 0
    assert out == ""
    assert "Erase the data of 2 attempt(s)?" in errors
    with open_log(filled, readonly=True) as log:
        assert not [*log.entries(["shred"])]


@pytest.mark.usefixtures("sqlite_only")
def test_an_older_log_is_brought_up_when_asked_to(path: Path) -> None:
    schema1(path, 2)
    result = run("upgrade", "--log", f"sqlite:///{path}")
    assert (result.exit_code, "schema 3, was 1" in result.stdout) == (0, True)
    assert run("upgrade", "--log", f"sqlite:///{path}", "--json").stdout.count('"was": 3') == 1
    verified(f"sqlite:///{path}")


@pytest.mark.parametrize(
    "command", ["shred", "expire", "hold", "rotate-key", "access", "show", "export"]
)
def test_help_has_examples(command: str) -> None:
    result = run(command, "--help")
    assert f"guardrail log {command}" in result.output


@pytest.mark.usefixtures("sqlite_only")
def test_what_is_left_in_a_page_is_rewritten(log: Log, path: Path) -> None:
    """Deleted by a program that does not overwrite, as an older copy of a page would be."""
    log.open(opened(REFUSE))
    needle = b"zebrafinch-in-a-page"
    tamper(
        path,
        "PRAGMA secure_delete=OFF",
        f"INSERT INTO meta VALUES ('left', '{needle.decode()}')",  # noqa: S608
        "DELETE FROM meta WHERE key = 'left'",
    )
    assert needle in held(path)
    log.scrub(lambda _: [needle])
    assert needle not in held(path)
    log.open(opened(REFUSE))
