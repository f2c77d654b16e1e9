"""The help texts in docs/cli.md: run this file as a script to bring them up to date."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from guardrail.cli import COMMANDS, main

UPDATE = "run: python tests/cli/test_help.py"
PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_BLOCK = re.compile(
    r"```console\n\$ guardrail(?P<args>[a-z ]*) --help\n(?P<help>.*?)```\n", re.DOTALL
)


def help_of(args: list[str]) -> str:
    result = CliRunner().invoke(
        main, [*args, "--help"], prog_name="guardrail", terminal_width=80, env={"COLUMNS": "80"}
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def documented(page: str) -> dict[str, str]:
    """The help text the page gives for each command."""
    return {found["args"].strip(): found["help"] for found in _BLOCK.finditer(page)}


def refreshed(page: str) -> str:
    """The page with every block as the command says it now."""

    def block(found: re.Match[str]) -> str:
        args = found["args"]
        return f"```console\n$ guardrail{args} --help\n{help_of(args.split())}```\n"

    return _BLOCK.sub(block, page)


def test_every_command_is_documented() -> None:
    blocks = documented(PAGE.read_text("utf-8"))
    assert {"", *COMMANDS} <= blocks.keys()


@pytest.mark.parametrize("command", documented(PAGE.read_text("utf-8")))
def test_the_documented_help_is_the_real_one(command: str) -> None:
    assert documented(PAGE.read_text("utf-8"))[command] == help_of(command.split()), UPDATE


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text("utf-8")), "utf-8")
