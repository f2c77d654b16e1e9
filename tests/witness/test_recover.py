"""A lost checkpoint: put back on record, and never against what was signed or cosigned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.errors import ConfigurationError
from guardrail.log import locate, open_log
from guardrail.log.submit import submit
from tests.chain.signers import STRANGER, signed, tree_of
from tests.log.engines import BOTH, copy, drop, put_back
from tests.log.support import rows, tamper
from tests.witness.support import asked, fill, serving
from tests.witness.test_submit import log_key

ENGINES = BOTH


def recover(url: str, *args: str) -> Result:
    return CliRunner().invoke(main, ["log", "recover", "--log", url, *args])


@pytest.fixture
def beside(url: str, path: Path) -> Iterator[Path]:
    """The checkpoint beside a log of 14 entries, of which a copy at 7 is kept."""
    fill(url)
    file = path.with_name("attempts.db.checkpoint")
    shutil.copy(file, path.with_name("held"))
    older = path.with_name("older.db")
    copy(path, older)
    fill(url)
    yield file
    drop(older)


def recorded(url: str) -> dict[str, object]:
    with open_log(url, readonly=True) as log:
        (entry,) = log.entries(["recovered"])
    body: dict[str, object] = json.loads(entry.body)
    return body


@pytest.mark.parametrize("how", ["checkpoint", "database"])
def test_a_lost_checkpoint_is_put_back(url: str, path: Path, beside: Path, how: str) -> None:
    beside.unlink()
    with pytest.raises(ConfigurationError, match="guardrail log recover"):
        open_log(url)
    held = str(path.with_name("held"))
    args = ["--checkpoint", held] if how == "checkpoint" else ["--trust-database"]
    result = recover(url, *args)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("recovered: size 14; entry 16 says so\n")
    found = recorded(url)
    assert (found["how"], found["size"]) == (how, 14)
    fill(url)
    assert CliRunner().invoke(main, ["log", "verify", "--log", url]).exit_code == 0


def test_a_damaged_one_stays_for_whoever_asks(url: str, path: Path, beside: Path) -> None:
    beside.write_bytes(b"noise")
    assert json.loads(recover(url, "--trust-database", "--json").stdout)["size"] == 14
    (aside,) = path.parent.glob("attempts.db.checkpoint.damaged-*")
    assert aside.read_bytes() == b"noise"


def test_a_log_that_never_signed(url: str, path: Path) -> None:
    open_log(url).shutdown()
    path.with_name("attempts.db.checkpoint").unlink()
    assert recover(url, "--trust-database").stdout.startswith("recovered: size 0")
    fill(url)


def test_nothing_is_recovered_where_nothing_is_lost(url: str, beside: Path) -> None:
    before = beside.read_bytes()
    result = recover(url, "--trust-database")
    assert result.exit_code == 2
    assert "nothing has to be recovered" in result.stderr
    assert beside.read_bytes() == before


def put_older_back(path: Path) -> None:
    put_back(path.with_name("older.db"), path)


def test_an_older_database_is_refused_by_a_newer_checkpoint(
    path: Path, url: str, beside: Path
) -> None:
    shutil.copy(beside, path.with_name("newer"))
    beside.unlink()
    put_older_back(path)
    result = recover(url, "--checkpoint", str(path.with_name("newer")))
    assert result.exit_code == 2
    assert "says that 14 entries were signed, the log has 7" in result.stderr
    assert not beside.exists()


def test_an_older_database_is_refused_by_what_was_cosigned(
    url: str, path: Path, beside: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "w", log_key(url)) as server:
        assert submit(locate(url), asked(server)).ok
    beside.unlink()
    put_older_back(path)
    result = recover(url, "--trust-database")
    assert result.exit_code == 2
    assert "cosigned/14.checkpoint says that 14 entries were signed" in result.stderr
    assert not beside.exists()


def test_a_changed_log_is_refused(url: str, path: Path, beside: Path) -> None:
    beside.unlink()
    tamper(path, "UPDATE entries SET leaf = zeroblob(32) WHERE seq = 3")
    result = recover(url, "--checkpoint", str(path.with_name("held")))
    assert result.exit_code == 2
    assert "was signed for" in result.stderr
    assert not beside.exists()


def test_the_checkpoint_of_another_log_is_refused(url: str, path: Path, beside: Path) -> None:
    beside.unlink()
    held = path.with_name("held")
    held.write_bytes(signed(tree_of([b"a"]), STRANGER))
    result = recover(url, "--checkpoint", str(held))
    assert result.exit_code == 2
    assert "is no checkpoint of this log" in result.stderr
    rows(path, "UPDATE checkpoints SET note = x'00'")
    assert "the last checkpoint in the database" in recover(url, "--trust-database").stderr


def test_one_way_must_be_chosen(url: str, path: Path, beside: Path) -> None:
    assert beside
    for args in ([], ["--trust-database", "--checkpoint", str(path.with_name("held"))]):
        assert "give either" in recover(url, *args).stderr
    missing = recover(f"sqlite:///{path}.other", "--trust-database")
    assert (missing.exit_code, "no attempt log" in missing.stderr) == (2, True)
