"""A second key, ML-DSA-44: every checkpoint carries both, and each verifier needs only its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.chain.keys import Algorithm, VerifierKey
from guardrail.chain.note import Note
from guardrail.cli import main
from guardrail.errors import ConfigurationError
from guardrail.log import locate, open_log
from guardrail.log.further import further_file
from guardrail.log.signed import SignedLog
from guardrail.log.submit import submit
from tests.chain.test_go import ask, crosscheck, signed_note
from tests.log.engines import BOTH
from tests.log.support import REFUSE, opened, python, rows
from tests.witness.support import asked, fill, serving
from tests.witness.test_go import question

__all__ = ["crosscheck"]
LIBRARY = "cryptography.hazmat.primitives.asymmetric.mldsa"
NEW = ("--new", "--algorithm", "ml-dsa-44")


ENGINES = BOTH


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["log", *args])


def keys(url: str, *args: str) -> list[VerifierKey]:
    result = run("key", "--log", url, *args)
    assert result.exit_code == 0, result.output
    return [VerifierKey.parse(line) for line in result.stdout.splitlines()]


def newest(url: str) -> Note:
    log = SignedLog(locate(url))
    note = log.newest().note
    log.close()
    return Note.parse(note)


@pytest.fixture
def both(url: str) -> list[VerifierKey]:
    fill(url)
    found = keys(url, *NEW)
    fill(url)
    return found


def test_both_keys_sign(url: str, path: Path, both: list[VerifierKey]) -> None:
    assert [key.algorithm for key in both] == [
        Algorithm.ED25519,
        Algorithm.COSIGNATURE_ML_DSA_44,
    ]
    assert both == keys(url)
    note = newest(url)
    for key in both:
        assert [found.key for found in note.verify([key])] == [key]
    assert note.encode() == path.with_name("attempts.db.checkpoint").read_bytes()
    with open_log(url, readonly=True) as log:
        (entry,) = log.entries(["key"])
    assert json.loads(entry.body)["key"] == str(both[1])
    assert further_file(locate(url)).stat().st_mode & 0o777 == 0o600
    told = json.loads(run("key", "--log", url, "--json").stdout)
    assert told["keys"] == [*map(str, both)]


def test_the_checkpoint_that_says_so_is_signed_by_both(url: str) -> None:
    fill(url)
    both = keys(url, *NEW)
    assert len(newest(url).verify(both)) == 2


def test_a_process_that_runs_signs_with_it_too(url: str) -> None:
    with open_log(url) as log:
        log.open(opened(REFUSE))
        with python(
            "from guardrail.cli import main; import sys; main(sys.argv[1:])",
            "log",
            "key",
            "--log",
            url,
            *NEW,
        ) as other:
            assert other.wait(60) == 0
        log.open(opened(REFUSE))
    assert len(newest(url).verify(keys(url))) == 2


def test_each_verifier_needs_only_its_own(
    url: str, path: Path, both: list[VerifierKey], tmp_path: Path
) -> None:
    first, second = map(str, both)
    assert run("verify", "--log", url).exit_code == 0
    assert run("verify", "--log", url, "--key", first).exit_code == 0
    assert run("verify", "--log", url, "--key", first, "--key", second).exit_code == 0
    file = tmp_path / "log.vkey"
    file.write_text(f"{first}\n{second}\n")
    assert run("verify", "--log", url, "--key", str(file)).exit_code == 0
    folder = tmp_path / "archive"
    assert run("export", "--log", url, "--tiles", str(folder)).exit_code == 0
    for key in (first, second, str(file)):
        assert run("verify", "--export", str(folder), "--key", key).exit_code == 0
    name = rows(path, "SELECT attempt FROM attempts")[0][0]
    assert run("receipt", name, "--log", url, "--output", str(tmp_path / "r")).exit_code == 0
    for key in (first, second):
        assert run("verify", "--receipt", str(tmp_path / "r"), "--key", key).exit_code == 0


def test_a_checkpoint_without_it_is_seen(url: str, path: Path, both: list[VerifierKey]) -> None:
    """Somebody who broke Ed25519 alone signs what they like."""
    note = newest(url)
    weak = Note(note.text, note.signatures[:1]).encode()
    path.with_name("attempts.db.checkpoint").write_bytes(weak)
    newest_row = "size = (SELECT max(size) FROM checkpoints)"
    rows(path, f"UPDATE checkpoints SET note = x'{weak.hex()}' WHERE {newest_row}")  # noqa: S608
    args = [value for key in both for value in ("--key", str(key))]
    result = run("verify", "--log", url, *args)
    assert result.exit_code == 1
    assert f"is not signed by the key {both[1].id.hex()}" in result.stdout
    assert run("verify", "--log", url, "--key", str(both[0])).exit_code == 0


def test_it_is_made_once(url: str, both: list[VerifierKey]) -> None:
    result = run("key", "--log", url, *NEW)
    assert result.exit_code == 2
    assert "has an ml-dsa-44 key already" in result.stderr
    assert keys(url) == both


def test_what_an_interrupted_call_left_is_used(url: str, path: Path) -> None:
    fill(url)
    first = keys(url, *NEW)
    rows(path, "DELETE FROM meta WHERE key = 'verifier_key_ml_dsa_44'")
    assert len(keys(url)) == 1
    assert keys(url, *NEW) == first


def test_a_lost_second_key_stops_the_log(url: str, both: list[VerifierKey], tmp_path: Path) -> None:
    assert both
    file = further_file(locate(url))
    kept = file.read_bytes()
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"ml-dsa-44 signing key .* cannot be read"):
        open_log(url)
    other = f"sqlite:///{tmp_path}/other.db"
    fill(other)
    keys(other, *NEW)
    file.write_bytes(further_file(locate(other)).read_bytes())
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match="not that of this attempt log"):
        open_log(url)
    file.write_bytes(kept)
    open_log(url).shutdown()


def test_a_library_without_it_is_named(
    url: str, both: list[VerifierKey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert both
    other = f"sqlite:///{tmp_path}/other.db"
    fill(other)
    monkeypatch.setitem(sys.modules, LIBRARY, None)
    result = run("key", "--log", other, *NEW)
    assert result.exit_code == 2
    assert "pip install --upgrade 'cryptography>=50'" in result.stderr
    assert not further_file(locate(other)).exists()
    with pytest.raises(ConfigurationError, match=r"signs with ml-dsa-44: .*cryptography>=50"):
        open_log(url)
    assert run("verify", "--log", url, "--key", str(both[0])).exit_code == 0


def test_what_is_asked_for_wrongly(url: str) -> None:
    assert "go together" in run("key", "--log", url, "--new").stderr
    result = run("key", "--log", url, *NEW)
    assert (result.exit_code, "no attempt log" in result.stderr) == (2, True)
    assert not locate(url).path.exists()


def test_go_and_witnesses_pass_over_it(
    crosscheck: Path, url: str, path: Path, both: list[VerifierKey], tmp_path: Path
) -> None:
    with serving(tmp_path / "w", both[0]) as server:
        found = submit(locate(url), asked(server))
        witness = server.service.key.verifier
    assert found.ok
    assert len(Note.parse(found.note).signatures) == 3
    answer = ask(crosscheck, question(path, both[0], [witness], [signed_note(found.note, 2)]))
    assert answer["Failures"] is None
