"""A framework that is not installed is asked for by the name of its extra."""

from __future__ import annotations

import importlib
import sys

import pytest

from guardrail.errors import ConfigurationError

EXTRAS = [
    ("langchain", "langchain_core", "langchain"),
    ("openai_agents", "agents", "agents"),
    ("pydantic_ai", "pydantic_ai", "pydantic-ai"),
]


@pytest.mark.parametrize(("adapter", "module", "extra"), EXTRAS, ids=[case[0] for case in EXTRAS])
def test_the_extra_is_named(
    adapter: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"guardrail.adapters.{adapter}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=rf"likeness-guardrail\[{extra}\]"):
        importlib.import_module(f"guardrail.adapters.{adapter}")
