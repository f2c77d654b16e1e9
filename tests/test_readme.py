"""What the README shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from guardrail.cli import main
from guardrail.policy import load_policy

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for kind, text in BLOCKS if kind == "python"]
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
COMMANDS = re.findall(r"^\$ guardrail (\w+(?: \w+)?)", README, re.MULTILINE)


@pytest.mark.filterwarnings("ignore")
def test_the_refused_call_and_its_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(PYTHON[0], {})  # noqa: S102  the README's own code
    shown = next(text for kind, text in BLOCKS if kind == "text")
    assert said.getvalue() == shown
    listed = CliRunner().invoke(main, ["log", "list", "--log", "sqlite:///attempts.db"])
    assert '"real_person_sexual"' in listed.output
    assert len(listed.output.splitlines()) == 1


def test_any_other_client_is_guarded_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(PYTHON[1], names)  # noqa: S102  the README's own code
    assert str(names["reply"]).startswith("An answer to: Write a haiku")


def test_the_policy_loads(tmp_path: Path) -> None:
    text = next(text for kind, text in BLOCKS if kind == "yaml")
    file = tmp_path / "mine.yaml"
    file.write_text(text, "utf-8")
    assert load_policy(file).name == "mine"


def test_every_surface_has_its_extra_and_its_page() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    table = README[README.index("| you use |") : README.index("Each takes a policy")]
    rows = [line.split(" | ") for line in table.splitlines()[2:] if line]
    extras = {extra for row in rows for extra in re.findall(r"`([\w-]+)`", row[1])}
    assert extras <= project["optional-dependencies"].keys()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert {Path(page).name for row in rows for page in _LINK.findall(row[3])} <= pages


@pytest.mark.parametrize("target", sorted(set(_LINK.findall(README))))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target.partition("#")[0]).exists()


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_the_commands_exist(command: str) -> None:
    words = [word for word in command.split() if word.islower()]
    result = CliRunner().invoke(main, [*words[:2], "--help"])
    if result.exit_code:
        result = CliRunner().invoke(main, [words[0], "--help"])
    assert result.exit_code == 0
