import importlib
import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner, Result

import guardrail
from guardrail.cli import COMMANDS, main


def run(*args: str, **options: str) -> Result:
    return CliRunner(env=options).invoke(main, args, prog_name="guardrail")


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout == f"guardrail, version {guardrail.__version__}\n"


def test_python_dash_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "guardrail", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == run("--version").stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_of_itself_what_the_list_says(name: str) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    line = re.search(rf"^  {name} +(.*)$", run("-h").stdout, re.MULTILINE)
    assert line is not None
    assert line[1] == COMMANDS[name][1]


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    result = run("scren")
    assert result.exit_code == 2
    assert "Did you mean 'screen'?" in result.stderr
