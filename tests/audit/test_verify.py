"""A pack is verified by us and by others, and every change to it is told."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from guardrail.audit.build import Built
from guardrail.audit.pack import MANIFEST, SIGNATURE, Statement, read_manifest, sign
from guardrail.audit.recount import differing
from guardrail.audit.verify import verify_pack
from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.entry import body_of, canonical, entry_bytes
from guardrail.chain.errors import Malformed
from guardrail.chain.keys import Algorithm, SigningKey
from guardrail.chain.note import Note
from guardrail.chain.tiles import bundles_of, decode_bundle, encode_bundle
from guardrail.errors import ConfigurationError
from guardrail.log import locate
from guardrail.log.export import verify_export
from guardrail.log.signing import load_signing_key
from guardrail.log.verify import Given, read_key
from tests.audit.conftest import absent, outside
from tests.audit.support import built, inquiry, new_log

SOURCES = Path("/usr/share/gocode")


def key_of(folder: Path) -> str:
    return (folder / "evidence" / "log.vkey").read_text("utf-8")


def test_a_good_pack_holds(packed: tuple[Built, str]) -> None:
    made, url = packed
    key = load_signing_key(locate(url).signing_key).verifier
    for path in (made.folder, made.zip):
        checked = verify_pack(path, key)
        assert checked.faults == ()
        assert checked.ok
        assert checked.entries == checked.size == made.statement.size
        assert checked.receipts == 6
        assert checked.files == made.files - 2


@pytest.mark.parametrize(
    "name",
    [
        "report.en.pdf",
        "data/by_day.csv",
        "evidence/log/checkpoint",
        "evidence/log.vkey",
        "README.en.txt",
    ],
)
def test_a_changed_byte_is_told(pack: Path, name: str) -> None:
    key = read_key(key_of(pack))
    path = pack / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert f"{name}: was changed" in verify_pack(pack, key).faults


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, "evidence/checkpoint"])
def test_every_flipped_bit_of_what_is_signed_is_told(pack: Path, name: str) -> None:
    key = read_key(key_of(pack))
    path = pack / name
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(data)
        assert not verify_pack(pack, key).ok, place


def test_files_that_come_and_go_are_told(pack: Path) -> None:
    (pack / "data" / "gaps.csv").unlink()
    (pack / "data" / "more.csv").write_text("x")
    faults = verify_pack(pack, None).faults
    assert "data/gaps.csv: is missing" in faults
    assert "data/more.csv: is not in the manifest" in faults


def test_a_manifest_made_anew_is_not_the_signed_one(pack: Path) -> None:
    path = pack / "data" / "by_rule.csv"
    path.write_bytes(path.read_bytes() + b"x")
    old = hashlib.sha256(path.read_bytes()[:-1]).hexdigest()
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest = pack / MANIFEST
    manifest.write_text(manifest.read_text().replace(old, new))
    assert verify_pack(pack, None).faults == ("MANIFEST: not the one that was signed",)


def test_a_pack_signed_by_somebody_else_is_told(pack: Path) -> None:
    key = read_key(key_of(pack))
    stranger = SigningKey(key.name, Algorithm.ED25519, bytes(range(32)))
    head = Checkpoint.parse(Note.parse((pack / "evidence" / "checkpoint").read_bytes()).text)
    sign(pack, head, stranger)
    assert any("no signature of a key" in fault for fault in verify_pack(pack, key).faults)


def test_a_receipt_of_another_state_is_told(packed: tuple[Built, str], tmp_path: Path) -> None:
    made, url = packed
    newer = built(inquiry(tmp_path), url, tmp_path / "out")
    pack = shutil.copytree(made.folder, tmp_path / "pack")
    target = next((pack / "evidence" / "proofs").iterdir())
    shutil.copy(next((newer.folder / "evidence" / "proofs").iterdir()), target)
    key = load_signing_key(locate(url).signing_key)
    sign(pack, Checkpoint.parse(Note.parse((pack / "evidence/checkpoint").read_bytes()).text), key)
    (fault,) = verify_pack(pack, key.verifier).faults
    assert fault == f"evidence/proofs/{target.name}: is of another state of the log"


def test_figures_that_the_entries_do_not_bear_out_are_told(
    packed: tuple[Built, str], pack: Path
) -> None:
    path = pack / "data" / "attempts_kept.csv"
    lines = path.read_text("utf-8-sig").splitlines()
    cells = lines[3].split(",")
    lines[3] = ",".join([*cells[:-1], str(int(cells[-1]) + 5)])
    path.write_text("\n".join(lines) + "\n", "utf-8-sig")
    key = load_signing_key(locate(packed[1]).signing_key)
    sign(pack, Checkpoint.parse(Note.parse((pack / "evidence/checkpoint").read_bytes()).text), key)
    (fault,) = verify_pack(pack, key.verifier).faults
    assert fault.startswith("data/attempts_kept.csv: ")
    assert f"{int(cells[-1]) + 5} where the entries have {cells[-1]} (2026-01-" in fault


def test_entries_that_name_no_kind_are_counted_too(packed: tuple[Built, str], pack: Path) -> None:
    size = packed[0].statement.size
    for tile in bundles_of(size):
        path = pack / "evidence" / "log" / tile.path
        bodies = [json.loads(body_of(entry)) for entry in decode_bundle(tile, path.read_bytes())]
        older = [
            {name: value for name, value in body.items() if name != "event"}
            if body["event"] in {"opened", "closed"}
            else body
            for body in bodies
        ]
        path.write_bytes(encode_bundle(entry_bytes(canonical(body)) for body in older))
    assert differing(pack, size) == []


def test_a_changed_zip_is_told(packed: tuple[Built, str], tmp_path: Path) -> None:
    target = tmp_path / "inquiry.zip"
    shutil.copy(packed[0].note, tmp_path / "inquiry.zip.note")
    with zipfile.ZipFile(packed[0].zip) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))
        new.comment = b"changed"
    (fault,) = verify_pack(target, None).faults
    assert fault == "inquiry.zip: not the file that inquiry.zip.note was signed for"


@pytest.mark.parametrize("names", [["../evil"], ["/evil"], ["a/x", "b/x"], []])
def test_a_zip_that_leads_out_of_its_folder_is_refused(names: list[str], tmp_path: Path) -> None:
    target = tmp_path / "bad.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    with pytest.raises(ConfigurationError, match="is no inquiry pack"):
        verify_pack(target, None)


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04"])
def test_what_is_no_zip_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(ConfigurationError, match="is no inquiry pack"):
        verify_pack(tmp_path / "bad.zip", None)


@pytest.mark.parametrize(
    "line", ["x", "0" * 64 + " a", "0" * 64 + "  ../a", "0" * 64 + "  /a", "g" * 64 + "  a"]
)
def test_a_strange_manifest_is_malformed(line: str) -> None:
    with pytest.raises(Malformed):
        read_manifest(f"{line}\n".encode())


def test_a_packs_signature_is_no_checkpoint(packed: tuple[Built, str]) -> None:
    text = Note.parse((packed[0].folder / SIGNATURE).read_bytes()).text
    assert Statement.parse(text).text == text
    with pytest.raises(Malformed):
        Checkpoint.parse(text)


def test_a_checkpoint_kept_elsewhere_is_held_against_the_log(
    packed: tuple[Built, str], tmp_path: Path
) -> None:
    made, url = packed
    other = new_log(tmp_path / "other.db", number=9)
    theirs = locate(other).checkpoint.read_bytes()
    ours = (made.folder / "evidence" / "checkpoint").read_bytes()
    key = load_signing_key(locate(url).signing_key).verifier
    assert verify_pack(made.folder, key, [("ours", ours)]).ok
    assert not verify_pack(made.folder, key, [("theirs", theirs)]).ok


def test_the_log_in_a_pack_is_an_export(packed: tuple[Built, str]) -> None:
    folder = packed[0].folder
    found = verify_export(folder / "evidence" / "log", Given(read_key(key_of(folder))))
    assert found.report.ok
    assert found.report.entries == packed[0].statement.size


def test_the_commands_of_the_readme_work(pack: Path, tmp_path: Path) -> None:
    outside("openssl", "openssl")
    outside("sha256sum", "coreutils")
    text = (pack / "README.en.txt").read_text("utf-8")
    commands = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    shell = [
        line for line in commands if line.split()[0] in {"sha256sum", "head", "grep", "openssl"}
    ]
    assert len(shell) == 8
    outputs = [_shell(line, pack) for line in shell]
    assert outputs[0].count("OK") == len(read_manifest((pack / MANIFEST).read_bytes()))
    signed = (tmp_path / "signed.txt").read_text("utf-8").splitlines()
    assert signed[1] == f"manifest sha256:{outputs[2].split()[0]}"
    checkpoint = (tmp_path / "checkpoint.txt").read_text("utf-8").splitlines()
    assert signed[2].split()[1:] == checkpoint[1:]
    assert [line.strip() for line in outputs if "erif" in line] == [
        "Signature Verified Successfully"
    ] * 2
    assert verify_pack(pack, None).ok


def _shell(line: str, folder: Path) -> str:
    command = ["bash", "-o", "pipefail", "-c", line]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def verifypack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that shares nothing with ours."""
    if not (SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        absent("golang.org/x/mod", "golang-golang-x-mod-dev")
    outside("go", "golang-go")
    program = tmp_path_factory.mktemp("go") / "verifypack"
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(SOURCES),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    source = Path(__file__).parent / "go" / "main.go"
    command = ["go", "build", "-o", str(program), str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


def test_go_verifies_a_pack(packed: tuple[Built, str], verifypack: Path) -> None:
    folder = packed[0].folder
    told = asked(verifypack, folder, key_of(folder))
    assert told == f"ok: 6 receipts, log of {packed[0].statement.size} entries\n"


@pytest.mark.parametrize(
    "name", [MANIFEST, SIGNATURE, "evidence/checkpoint", "data/gaps.csv", "report.en.pdf"]
)
def test_go_sees_one_changed_byte(pack: Path, verifypack: Path, name: str) -> None:
    key = key_of(pack)
    data = bytearray((pack / name).read_bytes())
    data[len(data) // 3] ^= 2
    (pack / name).write_bytes(data)
    assert asked(verifypack, pack, key).startswith("WRONG: ")


def asked(program: Path, folder: Path, key: str) -> str:
    command = [str(program), str(folder), key.strip()]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
