"""What is said about a policy that does not load: where, what was found, what was expected."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from guardrail.errors import ConfigurationError, PolicyError
from guardrail.policy import load_policy
from tests.policy.support import HEAD, problems, write

RULES = HEAD + "rules:\n"
RULE = RULES + "  - id: a\n    action: refuse\n    when: {sexual: nudity}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: found an empty file, expected a mapping"),
        ("# nothing\n", "1:1: found an empty file, expected a mapping"),
        ("- a\n", "1:1: found a list, expected a mapping"),
        ("just words\n", "1:1: found 'just words', expected a mapping"),
        (HEAD + "---\nb: 1\n", "3:1: found a second document, expected one"),
        (HEAD + "rules:\n\t- id: a\n", "4:1: found a tab, expected spaces"),
        (HEAD + "version: 2\n", "3:1: found 'version' again, expected it once (first: line 2)"),
        (HEAD + "1: 2\n", "3:1: found the number 1 as a key, expected a word"),
        (HEAD + "limits: !!python/name:os.system {}\n", "3:9: found the tag"),
        (HEAD + "extends: *base\n", "3:10: found alias *base, expected its anchor before it"),
        (HEAD + "limits: &a {images: *a}\n", "3:21: found alias *a, expected its anchor"),
        ("policy: \x01\n", "1:9: found an unprintable character, expected text"),
        ("version: 1\n", "1:1: found no 'policy', expected one"),
        ("policy: test\nversion: one\n", "2:10: found 'one', expected a whole number"),
        ("policy: test\nversion: 0\n", "2:10: found the number 0, expected at least 1"),
        ("policy: test\nversion: true\n", "2:10: found true, expected a whole number"),
        ("policy: A b\nversion: 1\n", "1:9: found 'A b', expected a name of"),
        ("policy: 12\nversion: 1\n", "1:9: found the number 12, expected text"),
        (HEAD + "rules: 3\n", "3:8: found the number 3, expected a list"),
        (HEAD + "rule: []\n", "3:1: found unknown key 'rule', expected policy, version,"),
        (HEAD + "rule: []\n", "did you mean 'rules'?"),
        (HEAD + "limits: {image: 3}\n", "did you mean 'images'?"),
        (HEAD + "limits: {images: 3000}\n", "found the number 3000, expected at most 1000"),
        (
            HEAD + "limits: {hold_back: 47}\n",
            "number 47, expected all, or 48 to 100000 code points",
        ),
        (HEAD + "limits: {hold_back: every}\n", "found 'every', expected all, or 48 to 100000"),
        (HEAD + "limits: {hold_back: true}\n", "found true, expected all, or 48 to 100000"),
        (HEAD + "jurisdiction_confidence: 2\n", "expected at most 1"),
        (HEAD + "unknown_jurisdiction: JPN\n", "3:23: found 'JPN', expected strictest, or an ISO"),
        (HEAD + "on_error: deny\n", "found 'deny', expected one of allow, gate, refuse"),
        (HEAD + "detectors: []\n", "3:12: found a list, expected at least one"),
        (HEAD + "detectors: [sexual.lexikon]\n", "found unknown detector 'sexual.lexikon'"),
        (HEAD + "detectors: [sexual.lexikon]\n", "did you mean 'sexual.lexicon'?"),
        (HEAD + "overlays: {JA: []}\n", "3:12: found 'JA', expected an ISO 3166 code"),
        (HEAD + "overlays: {UK: []}\n", "did you mean 'GB'?"),
        (HEAD + "extends: nothing\n", "3:10: found no policy 'nothing', expected a file or a"),
        (HEAD + "extends: test.yaml\n", "3:10: found 'test.yaml' again down the line"),
        (RULES + "  - {id: a, when: {}}\n", "4:5: found no 'action', expected allow, refuse or"),
        (RULES + "  - {id: a, action: refuse}\n", "4:5: found no 'when', expected one"),
        (RULES + "  - {when: {}, action: refuse}\n", "4:5: found no 'id', expected one"),
        (RULES + "  - {id: a, when: {}, action: gate}\n", "found action gate without a require"),
        (
            RULES + "  - {id: a, when: {}, action: allow, require: {age_verified: true}}\n",
            "found action allow with a require, expected gate or none",
        ),
        (
            RULES + "  - {id: a, when: {}, require: {}}\n",
            "found nothing asked for, expected tier or age_verified",
        ),
        (
            RULES + "  - {id: a, when: {}, floor: true, require: {age_verified: true}}\n",
            "found a floor that does not refuse, expected action: refuse",
        ),
        (
            RULES + "  - {id: a, when: {tier: free}, floor: true, action: refuse}\n",
            "found a floor for some callers only, expected no tier and no app",
        ),
        (
            RULES + "  - {id: a, when: {}, floor: true, action: refuse, on_error: allow}\n",
            "found 'allow' in a floor, expected refuse or nothing",
        ),
        (
            RULES + "  - {id: a, when: {}, action: refuse, obligations: label}\n",
            "found obligations of a refusal, expected none: nothing is released",
        ),
        (
            RULES + "  - {id: a, when: {}, action: refuse, on_error: gate}\n",
            "found 'gate' without a require, expected refuse or allow",
        ),
        (
            RULES + "  - {id: a, when: {minor: false}, action: refuse}\n",
            "4:27: found false, expected true: a condition is evidence found",
        ),
        (
            RULES + "  - {id: a, when: {sexual: none}, action: refuse}\n",
            "found 'none', expected one of >=suggestive, >=nudity",
        ),
        (
            RULES + "  - {id: a, when: {person: [real, pubic]}, action: refuse}\n",
            "4:35: found 'pubic', expected one of real, any, public,",
        ),
        (
            RULES + "  - {id: a, when: {operation: imag.*}, action: refuse}\n",
            "4:31: found 'imag.*', expected an operation or a pattern of some",
        ),
        (
            RULES + "  - {id: a, when: {intent: inform}, action: refuse}\n",
            "4:20: found unknown key 'intent', expected operation, stage,",
        ),
        (
            RULE + "  - {id: a, when: {minor: true}, action: refuse}\n",
            "7:10: found rule id 'a' again, expected it once (first: line 4)",
        ),
        (
            RULE + "overlays:\n  JP:\n  - {id: a, when: {minor: true}, action: refuse}\n",
            "9:10: found rule id 'a' again, expected it once (first: line 4)",
        ),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    found = problems(tmp_path, text)
    assert any(expected in problem for problem in found), found


def test_one_mistake_is_one_problem(tmp_path: Path) -> None:
    text = RULES + "  - {id: a, when: {operation: imag.*, person: []}, action: refuse}\n"
    assert [problem.split(",")[0] for problem in problems(tmp_path, text)] == [
        "4:31: found 'imag.*'",
        "4:47: found a list",
    ]


def test_every_problem_comes_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        policy: test
        version: zero
        extend: default
        rules:
          - id: a
            when: {sexual: naked}
            action: refuse
          - id: b
            when: {minor: false}
            aktion: refuse
        """,
    )
    assert [problem.split(":")[0] for problem in found] == ["2", "3", "6", "9", "10"]


def test_problems_of_a_base_and_of_what_extends_it_come_together(tmp_path: Path) -> None:
    base = write(tmp_path, "policy: base\nversion: zero\n", "base.yaml")
    child = write(tmp_path, "policy: child\nversion: 1\nextends: base.yaml\nrules: 1\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(child)
    assert [problem.file for problem in caught.value.problems] == [str(child)]
    write(tmp_path, "policy: child\nversion: 1\nextends: base.yaml\non_error: refuse\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(child)
    assert [problem.file for problem in caught.value.problems] == [str(base)]


def test_unquoted_no_is_norway(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "unknown_jurisdiction: NO\n")
    assert load_policy(path).unknown_jurisdiction == "NO"


def test_invalid_utf8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"\xef\xbb\xbfpolicy: test\nversion: \xff\n")
    with pytest.raises(PolicyError, match=r"2:10: found byte 0xff, expected UTF-8 text"):
        load_policy(path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert load_policy(path).name == "test"


def test_a_file_too_large_is_not_parsed(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "#" * 1_000_000)
    with pytest.raises(PolicyError, match="found a file of 1000024 bytes, expected at most"):
        load_policy(path)


def test_aliases_share_text_but_cannot_explode(tmp_path: Path) -> None:
    shared = RULES + "  - {id: a, when: {person: &who [real, any]}, action: allow}\n"
    shared += "  - {id: b, when: {person: *who, minor: true}, action: refuse}\n"
    assert len(load_policy(write(tmp_path, shared)).rules) == 2
    bomb = "a0: &a0 [1]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    assert problems(tmp_path, bomb) == [
        "6:10: found more than 20000 values, aliases written out",
    ]


@pytest.mark.parametrize("text", ["[" * 5000, "- " * 5000 + "a", "a: " + "{b: " * 40 + "1"])
def test_deep_nesting_is_refused(tmp_path: Path, text: str) -> None:
    assert len(problems(tmp_path, text)) == 1


def test_depth_counts_through_aliases(tmp_path: Path) -> None:
    deep = "".join(
        f"a{n}: &a{n} {'[' * 10}{f'*a{n - 1}' if n else 1}{']' * 10}\n" for n in range(4)
    )
    assert problems(tmp_path, deep) == [
        "4:19: found values nested too deep, expected at most 32 levels"
    ]


def test_a_missing_file_names_what_is_shipped() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_policy("defualt")
    assert not isinstance(caught.value, PolicyError)
    assert re.search(r"default, eu, japan, strict\); did you mean 'default'\?", str(caught.value))


@pytest.mark.parametrize("source", ["", "\0", "/", "x" * 5000, Path("/nowhere/policy.yaml")])
def test_what_is_no_file_is_a_configuration_error(source: str | Path) -> None:
    with pytest.raises(ConfigurationError, match="expected a file or a shipped policy"):
        load_policy(source)


def test_messages_do_not_repeat_long_values(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, dedent(f"policy: {'A' * 500}\nversion: 1\n"))
    assert len(found) < 150
