"""The default decisions, each through LiteLLM to a server and onto a real log, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guardrail.adapters.litellm import GuardedLiteLLM
from guardrail.errors import RequestGated, RequestRefused, RequestStopped
from guardrail.guard import Guard
from guardrail.log import Log, open_log
from guardrail.records import Caller, Jurisdiction
from guardrail.testing import StandInServer, neutral_png

US, JP = Jurisdiction("US"), Jurisdiction("JP")
CALLERS = {
    "free": Caller("u1", "free", jurisdiction=US),
    "free-jp": Caller("u1", "free", jurisdiction=JP),
    "adult": Caller("u2", "adult", age_verified=True, jurisdiction=US),
    "adult-jp": Caller("u2", "adult", age_verified=True, jurisdiction=JP),
    "adult-unknown": Caller("u2", "adult", age_verified=True),
    "adult-unverified": Caller("u3", "adult", jurisdiction=US),
}
FUNCTIONS = {
    "chat": "completion",
    "text": "text_completion",
    "image.generate": "image_generation",
    "image.edit": "image_edit",
    "image.variation": "image_variation",
}
MODELS = {"text": "text-completion-openai/m", "image.variation": "openai/dall-e-2"}


@dataclass(frozen=True)
class Row:
    situation: str
    operation: str
    caller: str
    prompt: str
    action: str
    reason: str
    label: str

    def arguments(self) -> dict[str, Any]:
        operation, _, spoilt = self.operation.partition("+")
        model = MODELS.get(operation, "openai/m")
        picture = {"image": b"not a picture" if spoilt else neutral_png()}
        if operation == "chat":
            return {"model": model, "messages": [{"role": "user", "content": self.prompt}]}
        if operation == "image.variation":
            return {"model": model, **picture}
        uploads = picture if operation == "image.edit" else {}
        return {"model": model, "prompt": self.prompt, **uploads}


def rows() -> Iterator[Any]:
    table = Path(__file__).with_name("decision_table.tsv").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            row = Row(*line.split("\t"))
            language = "en" if row.prompt.isascii() else "ja"
            yield pytest.param(row, id=f"{row.situation}-{row.operation}-{row.caller}-{language}")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with open_log(f"sqlite:///{tmp_path}/attempts.db") as log:
        yield log


def plain(client: GuardedLiteLLM, name: str, arguments: dict[str, Any]) -> Any:
    return getattr(client, name)(**arguments)


def awaited(client: GuardedLiteLLM, name: str, arguments: dict[str, Any]) -> Any:
    async def run() -> Any:
        return await getattr(client, f"a{name}")(**arguments)

    return asyncio.run(run())


@pytest.mark.parametrize("call", [plain, awaited])
@pytest.mark.parametrize("row", list(rows()))
def test_the_default_decision(
    row: Row, call: Callable[..., Any], loaded: Guard, log: Log, server: StandInServer
) -> None:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    client = GuardedLiteLLM(guard=guard, api_base=server.url, api_key="k", max_retries=0)
    name = FUNCTIONS[row.operation.partition("+")[0]]
    arguments = row.arguments() | {"guard_caller": CALLERS[row.caller]}

    if row.action == "allow":
        reply = call(client, name, arguments)
        note = reply._hidden_params["guardrail"]
        assert note["decision"] == "allow"
        assert ("label" in note["obligations"]) is (row.label == "y")
        assert len(server.requests) == 1
        assert_released(log, note["attempt"])
        return

    kind = RequestRefused if row.action == "refuse" else RequestGated
    with pytest.raises(RequestStopped) as caught:
        call(client, name, arguments)
    assert (type(caught.value), caught.value.decision.reason) == (kind, row.reason)
    assert server.requests == []
    assert_stopped(log, row, caught.value)


def assert_released(log: Log, attempt: str) -> None:
    log.flush()
    total = log.stats().total
    assert (total.opened, total.released, total.unfinished) == (1, 1, 0)
    assert all(entry.id == attempt for entry in log.attempts())


def assert_stopped(log: Log, row: Row, stopped: RequestStopped) -> None:
    (entry,) = log.attempts()
    assert entry.id == stopped.attempt
    assert entry.action == row.action
    assert entry.reason == row.reason
    assert entry.outcome == {"refuse": "refused", "gate": "gated"}[row.action]
    assert entry.stage == "input"
    assert entry.closed_at is not None
