"""`guardrail inquiry` as an auditor types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.audit.template import shipped
from guardrail.cli import main
from guardrail.log import locate
from guardrail.log.signing import load_signing_key
from tests.audit.support import inquiry, new_log


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return new_log(tmp_path / "attempts.db", number=30)


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["inquiry", *args], prog_name="guardrail")


def test_from_the_letter_to_the_verified_pack(url: str) -> None:
    made = run("new", "--template", "ofcom", "--received", "2026-01-21", "--jurisdiction", "JP")
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("inquiry.yaml: edit it")
    built = run("build", "inquiry.yaml", "--out", "packs", "--log", url)
    assert built.exit_code == 0, built.output
    key = str(load_signing_key(locate(url).signing_key).verifier)
    for pack in ("packs/inquiry", "packs/inquiry.zip"):
        verified = run("verify", pack, "--key", key)
        assert verified.exit_code == 0, verified.output
        assert verified.stdout.startswith(f"ok: {pack}: ")
        assert "believed" not in verified.stdout
    Path("packs/inquiry/report.en.pdf").write_bytes(b"")
    wrong = run("verify", "packs/inquiry")
    assert wrong.exit_code == 1
    assert "report.en.pdf: was changed" in wrong.stdout
    assert "believed: " in wrong.stdout


def test_everything_as_json(url: str, tmp_path: Path) -> None:
    path = inquiry(tmp_path)
    built = json.loads(run("build", str(path), "--out", "packs", "--log", url, "--json").stdout)
    checked = json.loads(run("verify", built["zip"], "--json").stdout)
    assert checked["ok"]
    assert checked["faults"] == []
    assert checked["size"] == built["size"]
    assert checked["root"] == built["root"]


def test_decrypting_needs_a_reason(url: str, tmp_path: Path) -> None:
    asked = ["build", str(inquiry(tmp_path)), "--out", "packs", "--log", url, "--decrypt"]
    for more in ([], ["--why", " "]):
        result = run(*asked, *more)
        assert result.exit_code == 2
        assert "--decrypt needs --why" in result.stderr
    assert not Path("packs").exists()


def test_mistakes_are_lines_with_their_places(url: str, tmp_path: Path) -> None:
    path = inquiry(tmp_path, samples="many", due="?")
    result = run("build", str(path), "--out", "packs", "--log", url)
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"guardrail: {path}:") for line in lines)


def test_a_template_has_to_be_named_where_nobody_can_be_asked() -> None:
    result = run("new")
    assert result.exit_code == 2
    assert "cabinet-office-jp" in result.stderr


def test_a_template_is_found_from_where_the_inquiry_lies(url: str, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "cases").mkdir()
    for path in (shipped()["ofcom"], shipped()["ofcom"].with_name("ofcom.en.j2")):
        shutil.copy(path, tmp_path / "letters" / path.name.replace("ofcom", "ours"))
    made = run("new", "--template", "letters/ours.yaml", "--output", "cases/one.yaml")
    assert made.exit_code == 0, made.output
    result = run("build", "cases/one.yaml", "--out", "packs", "--log", url)
    assert result.exit_code == 0, result.output
    assert Path("packs/one.zip").exists()


def test_no_log_no_pack(tmp_path: Path) -> None:
    path = inquiry(tmp_path)
    result = run("build", str(path), "--out", str(tmp_path), "--log", f"sqlite:///{tmp_path}/no.db")
    assert result.exit_code == 2
    assert "no attempt log" in result.stderr
    assert not list(tmp_path.glob("no.db*"))


def test_what_is_no_pack_is_refused(tmp_path: Path) -> None:
    result = run("verify", str(tmp_path))
    assert result.exit_code == 2
    assert "is no inquiry pack" in result.stderr


def test_an_earlier_pack_stays_if_a_build_fails(url: str, tmp_path: Path) -> None:
    path = inquiry(tmp_path)
    run("build", str(path), "--out", "packs", "--log", url)
    before = Path("packs/inquiry.zip").read_bytes()
    inquiry(tmp_path, questions=[{"id": "Q", "text": "?", "answer": "{{ nothing }}"}])
    result = run("build", str(path), "--out", "packs", "--log", url)
    assert result.exit_code == 2
    assert "the answer to question Q" in result.stderr
    assert Path("packs/inquiry.zip").read_bytes() == before
    assert sorted(found.name for found in Path("packs").iterdir()) == [
        "inquiry",
        "inquiry.zip",
        "inquiry.zip.note",
    ]


def test_a_pack_is_verified_far_from_its_log(url: str, tmp_path: Path) -> None:
    run("build", str(inquiry(tmp_path)), "--out", "packs", "--log", url)
    shutil.copytree("packs/inquiry", "elsewhere")
    locate(url).path.unlink()
    key = Path("elsewhere/evidence/log.vkey")
    assert run("verify", "elsewhere", "--key", str(key)).exit_code == 0
    receipts = sorted(Path("elsewhere/evidence/proofs").iterdir())
    options = [option for path in receipts for option in ("--receipt", str(path))]
    result = CliRunner().invoke(main, ["log", "verify", *options, "--key", str(key)])
    assert result.exit_code == 0, result.output
    assert result.stdout.count("ok: ") == len(receipts)
