"""The commands of both sides, as operators run them."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.chain.keys import Algorithm, VerifierKey
from guardrail.cli import main
from guardrail.log import locate
from guardrail.log.cosigned import list_cosigned
from tests.chain.signers import LOG, ORIGIN
from tests.log.engines import BOTH
from tests.log.support import python
from tests.witness.support import Process, fill, request, send, serving

RUN = "from guardrail.cli import main; import sys; main(sys.argv[1:])"


ENGINES = BOTH


def run(*args: str) -> Result:
    return CliRunner().invoke(main, [*args])


def done(*args: str) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def write_file(path: Path, *witnesses: Process, keys: list[str], quorum: int = 0) -> Path:
    lines = ["witnesses:"]
    for found, key in zip(witnesses, keys, strict=True):
        lines += [f"  - url: {found.url}", f"    key: {key}"]
    path.write_text("\n".join([*lines, f"quorum: {quorum or len(witnesses)}\n"]))
    return path


def test_a_log_and_two_witnesses(url: str, tmp_path: Path) -> None:
    fill(url)
    vkey = tmp_path / "log.vkey"
    vkey.write_text(done("log", "key", "--log", url))
    folders = [tmp_path / "w1", tmp_path / "w2"]
    keys = [
        done("witness", "key", "--state", str(folder), "--name", folder.name).strip()
        for folder in folders
    ]
    one, two = (Process(folder, "--log", str(vkey)) for folder in folders)
    try:
        file = str(write_file(tmp_path / "w.yaml", one, two, keys=keys))
        out = done("log", "witness", "--log", url, "--witnesses", file)
        assert out.startswith("ok: size 7 is cosigned by 2 of 2 witnesses (2 needed)\n")
        assert "  w1: cosigned at 20" in out
        two.kill()
        fill(url)
        result = run("log", "witness", "--log", url, "--witnesses", file)
        assert result.exit_code == 1
        assert result.stdout.startswith("NOT WITNESSED: size 14 is cosigned by 1 of 2 witnesses")
        assert "  w2: unreachable: Connection refused\n" in result.stdout
        told = json.loads(run("log", "witness", "--log", url, "--witnesses", file, "--json").stdout)
        assert (told["ok"], told["size"], [*told["cosigned"]]) == (False, 14, ["w1"])
        assert [item["state"] for item in told["witnesses"]] == ["cosigned", "unreachable"]
    finally:
        one.terminate()
        two.running.kill()
    shown = done("witness", "show", "--state", str(folders[0]))
    assert shown.startswith("guardrail-log/")
    assert ": size 14, root " in shown
    origin = shown.partition(":")[0]
    note = done("witness", "show", "--state", str(folders[0]), origin)
    held = tmp_path / "held"
    held.write_text(note)
    assert done("log", "verify", "--log", url, "--checkpoint", str(held)).startswith("ok: 14")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_as_a_service(url: str, tmp_path: Path, how: signal.Signals) -> None:
    fill(url)
    key = VerifierKey.parse(done("log", "key", "--log", url).strip())
    with serving(tmp_path / "w", key) as server:
        file = tmp_path / "w.yaml"
        file.write_text(
            f"witnesses: [{{url: '{server.url}', key: '{server.service.key.verifier}'}}]"
        )
        args = ["log", "witness", "--log", url, "--witnesses", str(file), "--every", "1s"]
        with python(RUN, *args, env=None) as process:
            assert process.stdout
            assert process.stdout.readline().startswith("ok: size 7")
            fill(url)
            while process.stdout.readline().startswith(("ok: size 7", "  ")):
                pass
            process.send_signal(how)
            assert process.wait(30) == 0
    assert [item.size for item in list_cosigned(locate(url))] == [14]


def test_a_witness_is_made_once(tmp_path: Path) -> None:
    state = str(tmp_path / "w")
    first = done("witness", "key", "--state", state, "--name", "a.example/w")
    assert done("witness", "key", "--state", state) == first
    assert done("witness", "key", "--state", state, "--name", "a.example/w") == first
    other = run("witness", "key", "--state", state, "--name", "b")
    assert (other.exit_code, "is a.example/w, not b" in other.stderr) == (2, True)
    assert VerifierKey.parse(first.strip()).algorithm is Algorithm.COSIGNATURE_ED25519
    third = str(tmp_path / "x")
    args = ("--name", "x", "--algorithm", "ml-dsa-44")
    made = VerifierKey.parse(done("witness", "key", "--state", third, *args).strip())
    assert made.algorithm is Algorithm.COSIGNATURE_ML_DSA_44


def test_what_was_refused_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with serving(folder) as server:
        send(server.url, request(0, 8))
        send(server.url, request(8, 9).replace(b"old 8", b"old 7"))
        broken = request(8, 9).split(b"\n")
        assert send(server.url, b"\n".join([broken[0], *broken[2:]])).status == 422
    assert "1 contradiction(s) refused" in done("witness", "show", "--state", str(folder))
    told = json.loads(done("witness", "show", "--state", str(folder), "--json"))
    assert (told["origin"], told["size"], told["refused"]) == (ORIGIN, 8, 1)
    refused = json.loads(done("witness", "show", "--state", str(folder), "--refused", ORIGIN))
    assert refused["status"] == 422
    assert run("witness", "show", "--state", str(folder), "log.example/none").exit_code == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Missing option '--state'"),
        (["--state", "none"], "Missing option '--log'"),
        (["--state", "none", "--log", "nowhere.vkey"], "neither a key nor a file"),
        (["--state", "none", "--log", "a+b+c"], "not a public key"),
        (["--state", "none", "--log", str(LOG.verifier)], "make one with --name NAME"),
        (["--state", "none", "--log", "x", "--listen", "here"], "is not HOST:PORT"),
        (["--state", "none", "--log", "x", "--listen", "127.0.0.1:70000"], "is not HOST:PORT"),
        (["key"], "Missing option '--state'"),
        (["show"], "Missing option '--state'"),
        (["show", "--state", "none", "--refused"], "needs ORIGIN"),
        (["show", "--state", "none"], "is gone"),
    ],
)
def test_what_is_asked_for_wrongly(
    args: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("witness", *args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_client_without_witnesses(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GUARDRAIL_LOG_WITNESSES", raising=False)
    result = run("log", "witness", "--log", url)
    assert result.exit_code == 2
    assert "attempts.db.witnesses.yaml is not there" in result.stderr
    assert "is not a time such as" in run("log", "witness", "--every", "soon").stderr


def doctor(url: str) -> dict[str, tuple[str, str]]:
    told = json.loads(run("doctor", "--log", url, "--json").stdout)
    return {check["name"]: (check["state"], check["detail"]) for check in told["checks"]}


def test_the_doctor_says_who_sees_the_log(
    url: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GUARDRAIL_LOG_WITNESSES", raising=False)
    assert "witnesses" not in doctor(url)
    fill(url)
    found = doctor(url)
    assert found["witnesses"] == ("absent", "none: nobody else sees this log")
    assert found["time stamps"][0] == "absent"
    key = VerifierKey.parse(done("log", "key", "--log", url).strip())
    with serving(tmp_path / "w", key) as server:
        path.with_name("attempts.db.witnesses.yaml").write_text(
            f"witnesses: [{{url: '{server.url}', key: '{server.service.key.verifier}'}}]"
        )
        assert doctor(url)["witnesses"] == ("wrong", "1 of 1 have cosigned nothing yet")
        done("log", "witness", "--log", url)
    state, detail = doctor(url)["witnesses"]
    assert state == "ok"
    assert detail.startswith("1 of 1 cosigned size 7 of 7 at 20")
    told = path.with_name("attempts.db.contradicted")
    told.write_text("w: it cosigned size 9\n")
    assert doctor(url)["witnesses"] == ("wrong", "w: it cosigned size 9")
    path.with_name("attempts.db.witnesses.yaml").write_text("witnesses: 1")
    assert doctor(url)["witnesses"][0] == "wrong"
