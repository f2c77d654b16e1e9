"""A framework that is not installed is asked for by the name of its extra."""

from __future__ import annotations

import importlib
import sys

import pytest

from guardrail.errors import ConfigurationError
from guardrail.guard import Guard
from guardrail.serve import extras

EXTRAS = [
    ("httpx", "httpx", "httpx"),
    ("httpx2", "httpx2", "httpx2"),
    ("guardrails_ai", "guardrails", "guardrails"),
    ("presidio", "presidio_analyzer", "presidio"),
    ("langchain", "langchain_core", "langchain"),
    ("openai_agents", "agents", "agents"),
    ("pydantic_ai", "pydantic_ai", "pydantic-ai"),
]


@pytest.mark.parametrize(("adapter", "module", "extra"), EXTRAS, ids=[case[0] for case in EXTRAS])
def test_the_extra_is_named(
    adapter: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = ("guardrail.adapters.", f"{module}.")
    for name in [name for name in sys.modules if name.startswith(cached)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=rf"likeness-guardrail\[{extra}\]"):
        importlib.import_module(f"guardrail.adapters.{adapter}")


@pytest.mark.parametrize(
    ("extra", "name", "given"),
    [
        ("httpx", "GuardTransport", ()),
        ("httpx2", "GuardTransport", ()),
        ("asgi", "GuardMiddleware", (None,)),
    ],
)
def test_what_reads_forms_is_asked_for_before_the_first_call(
    extra: str, name: str, given: tuple[None, ...], loaded: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = importlib.import_module(f"guardrail.adapters.{extra}")
    monkeypatch.setitem(sys.modules, "python_multipart", None)
    with pytest.raises(ConfigurationError, match=rf"likeness-guardrail\[{extra}\]"):
        getattr(adapter, name)(*given, guard=loaded)


def test_a_gateway_names_all_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ("httpx", "python_multipart")
    monkeypatch.setattr(extras, "find_spec", lambda name: name in there or None)
    with pytest.raises(ConfigurationError) as told:
        extras.require_gateway()
    assert str(told.value) == (
        "the gateway needs httptools, pyjwt, limits, prometheus-client, uvicorn, uvloop: "
        "pip install 'likeness-guardrail[serve]'"
    )
