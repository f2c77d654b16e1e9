"""docs/policy.md: its examples load, and it names every key there is."""

import re
from pathlib import Path

import pytest

from guardrail.policy import cases, load_policy, schema
from guardrail.policy.casetest import run_tests
from guardrail.policy.loader import shipped
from tests.policy.support import write

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
POLICY, SECOND, CASES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_work(tmp_path: Path) -> None:
    write(tmp_path, POLICY, "our.yaml")
    report = run_tests(write(tmp_path, CASES, "our.test.yaml"))
    assert [outcome.failures for outcome in report.outcomes] == [()]
    assert [code for code, _ in report.policy.overlays] == ["JP", "KR"]


def test_the_second_stage_of_the_page_loads(tmp_path: Path) -> None:
    stage = load_policy(write(tmp_path, SECOND, "second.yaml")).second_stage
    assert stage is not None
    assert dict(stage.labels) == {"sexual": "nudity", "sexual/minors": "minor"}


@pytest.mark.parametrize("made", [schema.json_schema(), cases.json_schema()])
def test_every_key_is_there(made: dict[str, dict[str, dict[str, object]]]) -> None:
    models = [made["properties"], *(model["properties"] for model in made["$defs"].values())]
    keys = {key for model in models for key in model} - {"cases", "name", "policy"}  # type: ignore[attr-defined]
    assert [key for key in sorted(keys) if not re.search(rf"`{key}\b", PAGE)] == []


def test_every_shipped_policy_is_there() -> None:
    assert [name for name in shipped() if f"| `{name}` |" not in PAGE] == []
