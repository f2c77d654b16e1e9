"""`second_stage` in a policy file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from guardrail.errors import PolicyError
from guardrail.policy import Policy, load_policy
from guardrail.policy.loader import load
from guardrail.policy.second import Judge, Moderation, OnnxModel, SecondStage
from tests.policy.support import HEAD, loads, write

LABELS = "labels: {nsfw: nudity}"
ONNX = "onnx: {folder: m}"
JUDGE = "judge: {family: llama-guard, model: openai/guard}"


def second(folder: Path, text: str) -> SecondStage:
    stage = loads(folder, f"{HEAD}second_stage: {{{text}}}\n").second_stage
    assert stage is not None
    return stage


def test_there_is_none_unless_set(tmp_path: Path) -> None:
    assert loads(tmp_path, HEAD).second_stage is None
    assert load_policy("default").second_stage is None


def test_a_folder_is_found_beside_the_file(tmp_path: Path) -> None:
    stage = second(tmp_path, f"{LABELS}, {ONNX}")
    assert stage.backend == OnnxModel("m", place=str(tmp_path / "m"))
    assert (stage.low, stage.high, stage.may_lower) == (0.2, 0.8, False)


def test_an_endpoint(tmp_path: Path) -> None:
    stage = second(tmp_path, f'{LABELS}, moderation: {{url: "http://127.0.0.1:80/v1/"}}')
    assert stage.backend == Moderation("http://127.0.0.1:80/v1")


def test_a_judge(tmp_path: Path) -> None:
    stage = second(tmp_path, JUDGE)
    assert stage.backend == Judge("llama-guard", "openai/guard")
    assert stage.labels == (("minor", "minor"), ("nudity", "nudity"))
    assert (stage.limit_ms, stage.may_lower) == (5000, False)
    more = "url: 'https://a.b/v1/', key_env: K, max_chars: 900, max_tokens: 5, cache_s: 9"
    text = f"judge: {{family: chat, model: m, {more}, per_day: 3, tokens_per_day: 4}}, limit_ms: 7"
    stage = second(tmp_path, text)
    assert stage.backend == Judge("chat", "m", "https://a.b/v1", "K", 900, 5, 3, 4, 9)
    assert stage.limit_ms == 7


def test_the_digest_follows_the_judge(tmp_path: Path) -> None:
    plain = loads(tmp_path, f"{HEAD}second_stage: {{{JUDGE}}}\n")
    other = loads(tmp_path, f"{HEAD}second_stage: {{{JUDGE[:-1]}, max_chars: 900}}}}\n")
    assert plain.ref.digest != other.ref.digest
    assert len({plain.ref, other.ref}) == 2


def test_what_extends_a_policy_inherits_it(tmp_path: Path) -> None:
    base = write(tmp_path, f"{HEAD}second_stage: {{{LABELS}, {ONNX}}}\n", "base.yaml")
    child = loads(tmp_path, f"policy: child\nversion: 1\nextends: {base.name}\n")
    assert child.second_stage == load_policy(base).second_stage


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LABELS, "expected one of onnx, moderation and judge"),
        (
            f"{LABELS}, {ONNX}, moderation: {{url: 'https://a.b'}}",
            "one of onnx, moderation and judge",
        ),
        (ONNX, "labels"),
        (f"labels: {{x: minor}}, {ONNX}", "a label that stands for nudity or explicit"),
        (f"labels: {{x: bare}}, {ONNX}", "'bare'"),
        (f"{LABELS}, {ONNX}, grey: {{low: 0.9, high: 0.5}}", "expected low not above high"),
        (f"{LABELS}, {ONNX}, grey: {{high: 0.95}}", "at most 0.9"),
        (f"{LABELS}, {ONNX}, calibration: {{slope: 0}}", "slope|greater than 0"),
        (f"{LABELS}, moderation: {{url: 'http://example.com'}}", "expected https"),
        (f"{LABELS}, moderation: {{url: 'https://k@example.com'}}", "without a key in it"),
        (f"{LABELS}, moderation: {{url: 'https://a.b?key=1'}}", "without a key in it"),
        (f"{JUDGE}, {ONNX}", "one of onnx, moderation and judge"),
        (f"{JUDGE}, {LABELS}", "no labels and no calibration with a judge"),
        (f"{JUDGE}, calibration: {{slope: 2}}", "no labels and no calibration with a judge"),
        ("judge: {family: chat}", "model"),
        ("judge: {family: gemma, model: m}", "'gemma'"),
        ("judge: {family: chat, model: m, url: 'http://example.com'}", "expected https"),
        ("judge: {family: chat, model: m, max_chars: 10}", "max_chars|500"),
        ("judge: {family: chat, model: m, per_day: 0}", "per_day|1"),
        (f"{LABELS}, {ONNX}, may_lover: true", "did you mean 'may_lower'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(PolicyError, match=problem):
        second(tmp_path, text)


def test_the_digest_follows_it_but_not_where_the_folder_lies(tmp_path: Path) -> None:
    plain = loads(tmp_path, HEAD)
    stage = second(tmp_path, f"{LABELS}, {ONNX}")
    made: list[Policy] = [
        replace(plain, second_stage=changed)
        for changed in (
            None,
            stage,
            replace(stage, may_lower=True),
            replace(stage, low=0.3),
            replace(stage, labels=(("nsfw", "explicit"),)),
            replace(stage, backend=OnnxModel("n")),
            replace(stage, backend=Moderation("https://a.b")),
        )
    ]
    assert len({policy.ref.digest for policy in made}) == len(made)
    elsewhere = replace(stage, backend=OnnxModel("m", place="/elsewhere/m"))
    assert replace(plain, second_stage=elsewhere).ref == made[1].ref


def test_one_that_may_lower_is_warned_of(tmp_path: Path) -> None:
    text = f"policy: p\nversion: 1\nextends: default\nsecond_stage: {{{LABELS}, {ONNX}"
    quiet = load(write(tmp_path, f"{text}}}\n", "a.yaml")).warnings
    warned = load(write(tmp_path, f"{text}, may_lower: true}}\n", "b.yaml")).warnings
    assert quiet == ()
    assert ["may_lower" in str(warning) for warning in warned] == [True]
