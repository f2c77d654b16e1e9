import subprocess
import sys

import pytest

HEAVY = (
    "litellm",
    "spacy",
    "presidio_analyzer",
    "guardrails",
    "pydantic",
    "rich",
    "click",
    "sudachipy",
    "marisa_trie",
    "yaml",
    "cryptography",
    "apsw",
)


def loaded_by(statement: str) -> set[str]:
    script = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["guardrail", "guardrail.records", "guardrail.errors"])
def test_the_vocabulary_pulls_in_nothing_heavy(module: str) -> None:
    assert loaded_by(f"import {module}").isdisjoint(HEAVY)


def test_a_public_name_still_resolves_after_a_light_import() -> None:
    modules = loaded_by("import guardrail\nassert guardrail.__version__")
    assert "guardrail" in modules


def test_the_command_line_lists_its_commands_without_importing_them() -> None:
    modules = loaded_by(
        "from click.testing import CliRunner\n"
        "from guardrail.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0"
    )
    assert "guardrail.cli" in modules
    assert modules.isdisjoint({"rich", "yaml", "pydantic", "litellm", "guardrail.guard"})


def test_a_guard_needs_no_framework() -> None:
    modules = loaded_by("import guardrail.guard")
    assert modules.isdisjoint({"litellm", "spacy", "presidio_analyzer", "guardrails", "rich"})
