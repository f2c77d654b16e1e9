"""Time stamps of the log: asked for over HTTP, kept beside it, verified by openssl too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.chain.errors import SignatureRejected
from guardrail.chain.timestamp import claimed_timestamp, timestamp_request
from guardrail.cli import main
from guardrail.errors import ConfigurationError
from guardrail.log import locate
from guardrail.log.beside import beside
from guardrail.log.stamps import list_timestamps, read_roots, stamped_at
from guardrail.log.timestamps import timestamp_newest
from tests.chain.signers import tree_of
from tests.log.engines import BOTH
from tests.witness.authority import Running, stamping
from tests.witness.support import answering, fill

ENGINES = BOTH


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Running]:
    with stamping(tmp_path / "tsa") as running:
        yield running


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["log", "timestamp", *args])


def test_the_newest_checkpoint_is_stamped(url: str, authority: Running) -> None:
    fill(url)
    result = run("--log", url, "--tsa", authority.url, "--roots", str(authority.roots))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("ok: size 7 is time-stamped at 20")
    assert "not verified" not in result.stdout
    fill(url)
    told = json.loads(run("--log", url, "--tsa", authority.url, "--json").stdout)
    assert (told["size"], told["verified"]) == (14, False)
    kept = list_timestamps(beside(locate(url), ".timestamps"))
    assert [item.size for item in kept] == [7, 14]
    roots = read_roots(authority.roots)
    assert stamped_at(kept[0], roots).at <= stamped_at(kept[1], roots).at
    with pytest.raises(SignatureRejected):
        stamped_at(kept[0], [])


def test_openssl_verifies_what_is_kept(url: str, authority: Running) -> None:
    fill(url)
    timestamp_newest(locate(url), authority.url)
    (kept,) = list_timestamps(beside(locate(url), ".timestamps"))
    name = kept.path.with_suffix("")
    script = f"head -n 3 {name}.checkpoint > {name}.text && "
    script += f"openssl ts -verify -in {name}.tsr -data {name}.text -CAfile {authority.roots}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)  # noqa: S607
    assert "Verification: OK" in done.stdout + done.stderr


def test_a_stamp_of_another_checkpoint_is_not_kept(url: str, authority: Running) -> None:
    fill(url)
    other = authority.authority.answer(timestamp_request(tree_of([b"a"])))
    with answering(200, other) as there:
        result = run("--log", url, "--tsa", there)
    assert result.exit_code == 1
    assert "NOT STAMPED: the time stamp" in result.stdout
    assert list_timestamps(beside(locate(url), ".timestamps")) == []
    with pytest.raises(SignatureRejected, match="something else"):
        claimed_timestamp(other, tree_of([b"b"]))


def test_an_authority_of_other_roots_is_not_believed(
    url: str, authority: Running, tmp_path: Path
) -> None:
    fill(url)
    with stamping(tmp_path / "other") as other:
        result = run("--log", url, "--tsa", authority.url, "--roots", str(other.roots))
    assert result.exit_code == 1
    assert "does not hold" in result.stdout
    assert list_timestamps(beside(locate(url), ".timestamps")) == []


@pytest.mark.parametrize(("status", "body"), [(500, b"ouch"), (200, b"noise"), (302, b"")])
def test_an_authority_that_fails_is_said(url: str, status: int, body: bytes) -> None:
    fill(url)
    with answering(status, body) as there:
        result = run("--log", url, "--tsa", there)
        told = json.loads(run("--log", url, "--tsa", there, "--json").stdout)
    assert result.exit_code == 1
    assert result.stdout.startswith("NOT STAMPED: ")
    assert told["ok"] is False


def test_what_is_asked_for_wrongly(url: str, tmp_path: Path) -> None:
    assert "expected an address" in run("--log", url, "--tsa", "file:///etc/passwd").stderr
    missing = run("--log", url, "--tsa", "http://127.0.0.1:1")
    assert missing.exit_code == 2
    assert "no attempt log" in missing.stderr
    pem = tmp_path / "roots.pem"
    pem.write_text("noise")
    with pytest.raises(ConfigurationError, match="no certificates in PEM"):
        read_roots(pem)


def test_what_is_not_installed_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(url)
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    result = run("--log", url, "--tsa", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "pip install 'likeness-guardrail[timestamp]'" in result.stderr
