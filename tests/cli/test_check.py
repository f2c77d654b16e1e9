import gc
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from guardrail.cli import main
from guardrail.testing import StandInServer, neutral_png

PROMPT = "Draw Taylor Swift in a bikini"


def check(*args: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["check", *args], input=stdin, prog_name="guardrail")


def test_the_prompt_is_shown_with_what_was_found_and_why() -> None:
    result = check(PROMPT, "--operation", "image.generate")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    prompt = lines.index(f"  {PROMPT}")
    name = lines[prompt + 1].index("^") - 1
    assert name == 2 + PROMPT.index("Taylor Swift")
    assert "real-person-sexual-image (floor" in result.stdout
    assert "Decision: refuse, reason real_person_sexual" in result.stdout
    assert "asks for sexual content about a real person" in result.stdout


def test_other_callers_are_told_apart() -> None:
    result = check("An imaginary nude adult woman", "--operation", "image.generate", "--json")
    callers = json.loads(result.stdout)["callers"]
    actions = {
        sort: [decision["action"] for decision in places.values()]
        for sort, places in callers.items()
    }
    assert list(callers["free"]) == ["JP", "US", "DE", "unknown"]
    assert actions == {
        "free": ["gate"] * 4,
        "adult tier, age not verified": ["gate"] * 4,
        "adult tier, age verified": ["allow"] * 4,
    }
    assert callers["adult tier, age not verified"]["US"]["reason"] == "age_verification_required"


def test_the_caller_given_decides() -> None:
    prompt, adult = "An imaginary nude adult woman", ("--tier", "adult", "--age-verified")
    for extra, action in (((), "gate"), (adult, "allow")):
        result = check(prompt, "--operation", "image.generate", "--json", *extra)
        assert json.loads(result.stdout)["action"] == action


def test_a_picture_makes_it_an_edit(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(neutral_png())
    result = check("Undress the woman in this photo", "--image", str(tmp_path / "a.png"))
    assert "image.edit asked by" in result.stdout
    assert "1 picture(s) sent along" in result.stdout
    assert "Decision: refuse" in result.stdout


@pytest.fixture
def litellm_forgotten() -> Iterator[None]:
    """LiteLLM leaves connections open, which must not fail the tests that come after."""
    pytest.importorskip("litellm", reason="the extra litellm is not installed")
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("litellm_forgotten")
def test_what_a_judge_said_is_shown(tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    for said, shown in (
        ("unsafe\nS12", "second stage: sexual nudity (judge:llama-guard:openai/guard@"),
        ("safe", "second stage: sexual none ("),
        ("perhaps", "second stage: no answer: BadAnswer ("),
    ):
        with StandInServer() as server:
            server.reply(said)
            judge = f"{{family: llama-guard, model: openai/guard, url: {server.url!r}}}"
            policy.write_text(
                f"policy: p\nversion: 1\nextends: default\n"
                f"second_stage: {{limit_ms: 20000, judge: {judge}}}\n"
            )
            asking = ("--operation", "image.generate", "--policy", str(policy))
            result = check("a couple in bed", *asking)
            assert shown in " ".join(result.stdout.split())
            assert "not asked, nothing is in doubt" in " ".join(
                check("a tree", *asking).stdout.split()
            )


def test_a_prompt_from_stdin_can_hold_terminal_codes() -> None:
    result = check("-", stdin="harmless \x1b[31m text\nand more\n")
    assert result.exit_code == 0
    assert "  harmless ␛[31m text\n  and more\n" in result.stdout
    assert "No rule matches." in result.stdout


def test_what_is_wrong_with_the_arguments_is_said() -> None:
    for args, message in (
        (("x", "--jurisdiction", "Japan"), "expected an ISO 3166 code such as JP or US-CA"),
        (("x", "--image", "gone.png"), "guardrail: cannot read gone.png: no such file"),
        (("x", "--policy", "gone.yaml"), "guardrail: "),
    ):
        result = check(*args)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr
