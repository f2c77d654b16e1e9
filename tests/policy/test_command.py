"""`guardrail policy`."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.policy import load_policy
from tests.policy.support import HEAD, write


def guardrail(*args: str) -> Result:
    return CliRunner().invoke(main, ["policy", *args])


def test_lint_says_ok_with_the_digest() -> None:
    result = guardrail("lint", "default", "strict")
    names = [f"ok {load_policy(name).ref}" for name in ("default", "strict")]
    assert (result.exit_code, result.stdout.splitlines(), result.stderr) == (0, names, "")


def test_lint_prints_each_problem_on_a_line(tmp_path: Path) -> None:
    bad = write(tmp_path, HEAD + "rule: 1\non_error: maybe\n", "bad.yaml")
    result = guardrail("lint", str(bad), "default")
    assert result.exit_code == 1
    first, second, third = result.stdout.splitlines()
    assert first.startswith(f"{bad}:3:1: found unknown key 'rule', expected ")
    assert second.startswith(f"{bad}:4:11: found 'maybe', expected one of ")
    assert third.startswith("ok default@")


def test_lint_warns_on_stderr(tmp_path: Path) -> None:
    bare = write(tmp_path, HEAD)
    result = guardrail("lint", str(bare))
    assert result.exit_code == 0
    assert result.stdout.startswith("ok test@1 sha256:")
    assert f"{bare}:1:1: warning: no floor refuses sexual content about minors" in result.stderr


def test_lint_reads_test_files_too(tmp_path: Path) -> None:
    write(tmp_path, HEAD)
    tests = write(tmp_path, "cases: [{name: a, expect: {action: allow}}]\n", "test.test.yaml")
    assert guardrail("lint", str(tests)).stdout == f"ok {tests}: 1 cases\n"
    tests.write_text("cases: 1\n", "utf-8")
    result = guardrail("lint", str(tests))
    assert result.exit_code == 1
    assert result.stdout == f"{tests}:1:8: found the number 1, expected a list\n"


def test_an_unknown_policy_is_one_clear_line() -> None:
    result = guardrail("lint", "nowhere.yaml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("guardrail: no policy 'nowhere.yaml', expected a file or a")
    assert len(result.stderr.splitlines()) == 1


def test_test_runs_the_shipped_tests() -> None:
    result = guardrail("test")
    assert result.exit_code == 0
    assert result.stdout.count("0 failed") == 4
    assert "  pass  refuse  minor-sexual " in result.stdout
    quiet = guardrail("test", "-q", "default")
    assert quiet.exit_code == 0
    assert "pass  " not in quiet.stdout


def test_test_fails_on_a_failure_and_on_an_uncovered_rule(tmp_path: Path) -> None:
    rule = "rules: [{id: a, when: {minor: true}, action: refuse}]\n"
    policy = write(tmp_path, HEAD + rule)
    tests = write(tmp_path, "cases:\n- name: x\n  expect: {action: gate}\n", "test.test.yaml")
    result = guardrail("test", str(policy))
    assert result.exit_code == 1
    assert f"FAIL  x ({tests}:2)" in result.stdout
    assert "action: expected gate, found allow" in result.stdout
    assert "FAIL  rule 'a' matches in no case" in result.stdout
    assert "0 passed, 1 failed, 0 of 1 rules covered" in result.stdout
    tests.write_text("cases:\n- name: x\n  expect: {action: allow}\n", "utf-8")
    assert guardrail("test", str(policy)).exit_code == 1


def test_test_goes_on_after_a_broken_policy(tmp_path: Path) -> None:
    policy = write(tmp_path, HEAD + "rule: 1\n")
    write(tmp_path, "cases: [{name: x, expect: {action: allow}}]\n", "test.test.yaml")
    result = guardrail("test", str(policy), "strict")
    assert result.exit_code == 1
    assert f"{policy}:3:1: found unknown key 'rule'" in result.stdout
    assert "strict" in result.stdout


def test_schema_is_json() -> None:
    for args, title in (((), "PolicyModel"), (("--tests",), "CasesModel")):
        result = guardrail("schema", *args)
        assert result.exit_code == 0
        assert json.loads(result.stdout)["title"] == title
