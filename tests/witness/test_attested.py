"""Verification that asks who else saw the log: of a log, an export, a receipt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.log import locate
from guardrail.log.beside import beside
from guardrail.log.cosigned import list_cosigned
from guardrail.log.submit import submit
from guardrail.log.timestamps import timestamp_newest
from tests.chain.signers import STRANGER, WITNESS, flip
from tests.log.engines import BOTH
from tests.log.support import rows, tamper
from tests.witness.authority import Running, stamping
from tests.witness.support import asked, fill, serving
from tests.witness.test_submit import log_key

ENGINES = BOTH


def verify(*args: str) -> Result:
    return CliRunner().invoke(main, ["log", "verify", *args])


@pytest.fixture
def seen(url: str, tmp_path: Path) -> list[str]:
    """A log of 14 entries, of which two witnesses cosigned 7, and their keys' files."""
    fill(url)
    key = log_key(url)
    with (
        serving(tmp_path / "a", key, name="a.example/w") as one,
        serving(tmp_path / "b", key, name="b.example/w") as two,
    ):
        assert submit(locate(url), asked(one, two)).ok
        keys = asked(one, two).keys
    files = []
    for number, found in enumerate(keys):
        file = tmp_path / f"w{number}.vkey"
        file.write_text(f"{found}\n")
        files += ["--witness", str(file)]
    fill(url)
    return files


def test_a_witnessed_log(url: str, seen: list[str]) -> None:
    out = verify("--log", url, *seen).stdout
    assert out.startswith("ok: 14 entries")
    assert "witnessed: the first 7 entries, by a.example/w, b.example/w at 20" in out
    told = json.loads(verify("--log", url, *seen, "--json").stdout)
    assert told["witnessed"]["size"] == 7
    assert told["time_stamped"] is None
    assert "witnessed" not in verify("--log", url).stdout


def test_a_quorum_that_is_not_there(url: str, seen: list[str]) -> None:
    stranger = ["--witness", str(WITNESS.verifier)]
    result = verify("--log", url, *seen, *stranger)
    assert result.exit_code == 1
    assert "no checkpoint that 3 of the 3 witnesses cosigned" in result.stdout
    assert verify("--log", url, *seen, *stranger, "--quorum", "2").exit_code == 0
    assert verify("--log", url, *stranger).exit_code == 1


def test_what_is_demanded_wrongly(url: str, seen: list[str]) -> None:
    for args, message in [
        ([*seen, "--quorum", "3"], "--quorum 3 of 2 witnesses"),
        (["--quorum", "1"], "--quorum 1 of 0 witnesses"),
        (["--witness", "nowhere"], "neither a key nor a file"),
        (["--witness", str(STRANGER.verifier)], "a witness signs cosignatures"),
        (["--key", str(STRANGER.verifier), "--key", str(WITNESS.verifier)], "several logs"),
    ]:
        result = verify("--log", url, *args)
        assert result.exit_code == 2, args
        assert message in result.stderr


@pytest.mark.usefixtures("sqlite_only")
def test_a_log_rewritten_with_its_own_key(url: str, path: Path, seen: list[str]) -> None:
    """Somebody who has everything the operator has; only the witnesses' word is not theirs."""
    (kept,) = list_cosigned(locate(url))
    for file in path.parent.glob("attempts.db*"):
        if file.is_file() and file.suffix not in {".key", ".signing-key"}:
            file.unlink()
    fill(url, 12)
    assert verify("--log", url).exit_code == 1
    result = verify("--log", url, *seen)
    assert result.exit_code == 1
    assert "forked: checkpoint 0: size 7 has another root" in result.stdout
    kept.path.unlink()
    assert verify("--log", url).exit_code == 0
    result = verify("--log", url, *seen)
    assert result.exit_code == 1
    assert "no checkpoint that 2 of the 2 witnesses cosigned" in result.stdout


def test_an_entry_edited_under_its_cosignature(url: str, path: Path, seen: list[str]) -> None:
    tamper(path, "UPDATE entries SET body = replace(body, 'JP', 'FR') WHERE seq = 3")
    result = verify("--log", url, *seen)
    assert result.exit_code == 1
    assert "edited: entry 3" in result.stdout


def test_a_cosigned_checkpoint_that_was_changed(url: str, seen: list[str]) -> None:
    (kept,) = list_cosigned(locate(url))
    data = kept.data
    for at in range(0, len(data), 7):
        kept.path.write_bytes(flip(data, at, at % 7))
        result = verify("--log", url, *seen)
        assert result.exit_code == 1, at
        told = "cosigned/7.checkpoint", "no checkpoint that 2 of the 2 witnesses cosigned"
        assert any(words in result.stdout for words in told)


def test_a_receipt_brings_its_witnesses(
    url: str, path: Path, seen: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key = ["--key", str(log_key(url))]
    names = [name for (name,) in rows(path, "SELECT attempt FROM attempts ORDER BY opened_seq")]
    for name, code in [(names[0], 0), (names[-1], 1)]:
        args = ["log", "receipt", name, "--log", url, "--output", "it"]
        assert CliRunner().invoke(main, args).exit_code == 0
        assert verify("--receipt", "it", *key).exit_code == 0
        result = verify("--receipt", "it", *key, *seen)
        assert result.exit_code == code
    assert "0 of the 2 witnesses needed have cosigned size 16" in result.stdout


def test_an_export_brings_its_witnesses_and_time_stamps(
    url: str, seen: list[str], tmp_path: Path
) -> None:
    key = ["--key", str(log_key(url))]
    folder = tmp_path / "archive"
    with stamping(tmp_path / "tsa") as authority:
        timestamp_newest(locate(url), authority.url)
        args = ["log", "export", "--log", url, "--tiles", str(folder)]
        for _ in range(2):
            assert CliRunner().invoke(main, args).exit_code == 0
            fill(url)
        result = verify("--export", str(folder), *key, *seen, "--tsa-roots", str(authority.roots))
    assert result.exit_code == 0, result.output
    assert "witnessed: the first 7 entries" in result.stdout
    assert "time-stamped: the first 14 entries" in result.stdout
    for file in (folder / "cosigned").iterdir():
        file.unlink()
    assert verify("--export", str(folder), *key, *seen).exit_code == 1


def test_an_export_of_a_cosigned_size_is_cosigned(url: str, tmp_path: Path) -> None:
    fill(url)
    key = log_key(url)
    with serving(tmp_path / "a", key) as one:
        found = submit(locate(url), asked(one))
    folder = tmp_path / "archive"
    locate(url).signing_key.unlink()  # of a copy: an export of the log itself adds an access
    args = ["log", "export", "--log", url, "--copy", "--tiles", str(folder)]
    assert CliRunner().invoke(main, args).exit_code == 0
    assert (folder / "checkpoint").read_bytes() == found.note


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Running]:
    with stamping(tmp_path / "tsa") as running:
        yield running


def test_time_stamps_are_held_against_the_log(url: str, authority: Running, tmp_path: Path) -> None:
    fill(url)
    timestamp_newest(locate(url), authority.url)
    timestamp_newest(locate(url), authority.url)
    fill(url)
    assert "2 time stamp(s) were not looked at" in verify("--log", url).stdout
    roots = ["--tsa-roots", str(authority.roots)]
    out = verify("--log", url, *roots).stdout
    assert "time-stamped: the first 7 entries, at 20" in out
    assert "; 2 time stamp(s) hold" in out
    assert json.loads(verify("--log", url, *roots, "--json").stdout)["time_stamped"]["count"] == 2
    with stamping(tmp_path / "other") as other:
        result = verify("--log", url, "--tsa-roots", str(other.roots))
    assert result.exit_code == 1
    assert "bad signature: the log: the time stamp attempts.db.timestamps/7-" in result.stdout
    answer = next(beside(locate(url), ".timestamps").glob("*.tsr"))
    answer.write_bytes(answer.read_bytes()[:-20])
    assert "bad signature" in verify("--log", url, *roots).stdout


def test_time_stamps_that_are_asked_for_and_not_there(url: str, authority: Running) -> None:
    fill(url)
    result = verify("--log", url, "--tsa-roots", str(authority.roots))
    assert result.exit_code == 1
    assert "no time stamp that these roots bear out" in result.stdout
