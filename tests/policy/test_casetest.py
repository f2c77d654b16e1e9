"""Policy test files: what passes, what fails, what is wrong with them."""

from pathlib import Path

import pytest

from guardrail.errors import ConfigurationError, PolicyError
from guardrail.policy.casetest import Report, cases_of, run_tests
from tests.policy.support import write

POLICY = """
policy: test
version: 1
rules:
  - {id: nudity, when: {sexual: nudity}, require: {tier: adult}, obligations: label}
  - {id: minor, when: {minor: true}, action: refuse}
"""


def run(folder: Path, text: str) -> Report:
    write(folder, POLICY)
    return run_tests(write(folder, text, "test.test.yaml"))


def test_expectations_that_fail_say_what_was_found(tmp_path: Path) -> None:
    report = run(
        tmp_path,
        """
        cases:
          - name: right
            facts: {sexual: nudity}
            expect: {action: gate, rule: nudity, requirement: {tier: adult}}
          - name: wrong
            facts: {sexual: nudity}
            caller: {tier: adult}
            expect: {action: refuse, rule: "", reason: none, obligations: [review]}
        """,
    )
    assert [(outcome.line, outcome.failures) for outcome in report.outcomes] == [
        (2, ()),
        (
            5,
            (
                "action: expected refuse, found allow",
                "rule: expected nothing, found nudity",
                "reason: expected none, found allowed",
                "obligations: expected ['review'], found ['label']",
            ),
        ),
    ]
    assert report.uncovered == ("minor",)
    assert not report.passed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cases: []\n", "1:8: found a list, expected at least one"),
        ("case: 1\n", "1:1: found unknown key 'case', expected policy, cases; did you mean"),
        ("cases: [{name: a, expect: {action: no}}]\n", "found 'no', expected one of allow, gate"),
        ("cases: [{name: a, facts: {sexy: 1}, expect: {action: gate}}]\n", "unknown key 'sexy'"),
        (
            "cases: [{name: a, expect: {action: gate, rule: nudty}}]\n",
            "found 'nudty', expected a rule of the policy; did you mean 'nudity'?",
        ),
        (
            "cases:\n- {name: a, expect: {action: gate}}\n- {name: a, expect: {action: gate}}\n",
            "3:10: found case 'a' again, expected it once (first: line 2)",
        ),
        (
            "cases: [{name: a, caller: {jurisdiction: UK}, expect: {action: gate}}]\n",
            "found 'UK', expected an ISO 3166 code such as JP or US-CA, or EU; did you mean 'GB'?",
        ),
        (
            "policy: none.yaml\ncases: [{name: a, expect: {action: gate}}]\n",
            "1:9: found no policy 'none.yaml', expected a file or a shipped policy",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(PolicyError) as caught:
        run(tmp_path, text)
    assert any(expected in str(problem) for problem in caught.value.problems), caught.value


def test_the_file_beside_the_policy(tmp_path: Path) -> None:
    policy = write(tmp_path, POLICY)
    with pytest.raises(ConfigurationError, match=r"expected .*test\.test\.yaml"):
        cases_of(str(policy))
    tests = write(tmp_path, "cases: []\n", "test.test.yaml")
    assert cases_of(str(policy)) == cases_of(str(tests)) == tests
    assert cases_of("default").name == "default.test.yaml"
