import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.log import open_log
from guardrail.testing import StandInServer
from tests.detect.second import Answer, endpoint, moderation
from tests.log.support import REFUSE, opened, rows
from tests.log.test_migrate import schema1


def doctor(*args: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *args], prog_name="guardrail")


def checks(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)["checks"]
    return found


@pytest.fixture
def url(tmp_path: Path) -> str:
    location = f"sqlite:///{tmp_path}/attempts.db"
    open_log(location).shutdown()
    return location


def test_all_is_well_and_nothing_is_left_behind(url: str, tmp_path: Path) -> None:
    key = (tmp_path / "attempts.db.key").read_bytes()
    result = doctor("--log", url, "--json")
    assert result.exit_code == 0, result.output
    found = checks(result)
    assert {check["group"] for check in found} == {
        "packages",
        "extras",
        "detectors",
        "policy",
        "log",
    }
    assert {check["state"] for check in found} <= {"ok", "absent"}
    assert any(check["detail"] == "key file, mode 0600" for check in found)
    assert (tmp_path / "attempts.db.key").read_bytes() == key
    with open_log(url, readonly=True) as log:
        assert log.stats().total.opened == 0
        assert list(log.attempts()) == []


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    result = doctor("--log", f"sqlite:///{tmp_path}/new/attempts.db")
    assert result.exit_code == 0, result.output
    assert "not there yet; it is made when first used" in " ".join(result.stdout.split())
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_comes_with_what_to_do(url: str, tmp_path: Path) -> None:
    (tmp_path / "attempts.db.key").chmod(0o644)
    (tmp_path / "p.yaml").write_text("policy: p\nversion: one\n")
    result = doctor("--log", url, "--policy", str(tmp_path / "p.yaml"), "--json")
    assert result.exit_code == 1
    wrong = {check["group"]: check for check in checks(result) if check["state"] == "wrong"}
    assert wrong.keys() == {"policy", "log"}
    assert "chmod 600" in wrong["log"]["detail"]
    assert "p.yaml:2:" in wrong["policy"]["detail"]
    assert all(check["remedy"] for check in wrong.values())


def test_a_log_that_was_rolled_back_is_wrong(url: str, tmp_path: Path) -> None:
    before = (tmp_path / "attempts.db").read_bytes()
    with open_log(url) as log:
        log.open(opened(REFUSE))
    for name in ("attempts.db-wal", "attempts.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "attempts.db").write_bytes(before)
    result = doctor("--log", url, "--json")
    assert result.exit_code == 1
    (wrong,) = [check for check in checks(result) if check["state"] == "wrong"]
    assert "has 0 entries, but 3 were signed" in wrong["detail"]


def test_a_log_of_schema_1_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "attempts.db"
    schema1(path, 2)
    result = doctor("--log", f"sqlite:///{path}", "--json")
    assert result.exit_code == 0, result.output
    assert checks(result)[-1]["detail"] == "schema 1: brought to schema 3 when next written"
    assert rows(path, "SELECT value FROM meta WHERE key = 'schema'") == [("1",)]


def test_a_file_in_the_way_of_the_log_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = doctor("--log", f"sqlite:///{tmp_path}/file/attempts.db")
    assert result.exit_code == 1
    assert "is not a folder that can be written" in " ".join(result.stdout.split())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_judge_is_asked(url: str, tmp_path: Path) -> None:
    pytest.importorskip("litellm", reason="the extra litellm is not installed")
    policy = tmp_path / "p.yaml"
    text = "policy: p\nversion: 1\nextends: default\nsecond_stage:\n  limit_ms: 20000\n"
    for said, state in (("unsafe\nS12", "ok"), ("I would rather not say.", "wrong")):
        with StandInServer() as server:
            server.reply(said)
            judge = f"{{family: llama-guard, model: openai/guard, url: {server.url!r}}}"
            policy.write_text(f"{text}  judge: {judge}\n")
            result = doctor("--log", url, "--policy", str(policy), "--json")
        (check,) = [c for c in checks(result) if c["group"] == "second stage"]
        assert (check["name"], check["state"]) == ("sexual.second", state)
        assert result.exit_code == (state == "wrong")
        assert len(server.requests) == 1


def test_a_second_stage_is_asked(url: str, tmp_path: Path) -> None:
    pytest.importorskip("httpx", reason="the extra moderation is not installed")
    policy = tmp_path / "p.yaml"
    text = "policy: p\nversion: 1\nextends: default\nsecond_stage:\n  labels: {sexual: nudity}\n"
    for answer, state in ((moderation(sexual=0.1), "ok"), (Answer(500, {}), "wrong")):
        with endpoint(answer) as server:
            policy.write_text(f"{text}  moderation: {{url: {server.url!r}, model: m1}}\n")
            result = doctor("--log", url, "--policy", str(policy), "--json")
        (check,) = [c for c in checks(result) if c["group"] == "second stage"]
        assert (check["name"], check["state"]) == ("sexual.second", state)
        assert result.exit_code == (state == "wrong")
