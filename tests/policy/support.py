"""Policies written to disk for a test."""

from pathlib import Path
from textwrap import dedent

import pytest

from guardrail.errors import PolicyError
from guardrail.policy import Policy, load_policy

HEAD = "policy: test\nversion: 1\n"
KNOWN = ("sexual.lexicon", "person.index")


def write(folder: Path, text: str, name: str = "test.yaml") -> Path:
    path = folder / name
    path.write_text(dedent(text).lstrip("\n"), "utf-8")
    return path


def loads(folder: Path, text: str) -> Policy:
    return load_policy(write(folder, text), known_detectors=KNOWN)


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a policy, as `line:column: message`."""
    path = write(folder, text)
    with pytest.raises(PolicyError) as caught:
        load_policy(path, known_detectors=KNOWN)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return [f"{p.line}:{p.column}: {p.message}" for p in caught.value.problems]
