from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from guardrail.errors import LogUnavailable, RequestGated, RequestRefused
from guardrail.guard import Guard
from guardrail.records import Operation, Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from .cases import ADULT, FORBIDDEN, FREE, GATED, only
from .frames import CALLER, PNG_URL, TURNING, assert_clean, guarded_by

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("agents")
    import agents
    from openai import AsyncOpenAI
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage

    from guardrail.adapters.openai_agents import (
        GatedInRun,
        GuardedProvider,
        Guardrails,
        RefusedInRun,
    )

HELLO = "What is the weather like?"
KINDS = ["chat", "responses"]
MODES = ["run", "stream"]
pytestmark = pytest.mark.filterwarnings("ignore")
Make = Callable[..., GuardedProvider]


@pytest.fixture(autouse=True)
def _no_tracing() -> None:
    agents.set_tracing_disabled(disabled=True)


@pytest.fixture
def make(loaded: Guard, log: MemoryLog, server: StandInServer) -> Make:
    guard = guarded_by(loaded, log)

    def build(kind: str = "responses", caller: Any = FREE) -> GuardedProvider:
        client = AsyncOpenAI(base_url=server.url, api_key="k", max_retries=2)
        inner = agents.OpenAIProvider(openai_client=client, use_responses=kind == "responses")
        return GuardedProvider(inner, guard=guard, caller=caller)

    return build


async def _run(agent: Any, mode: str, provider: Any, asked: Any = HELLO, **more: Any) -> Any:
    config = agents.RunConfig(model_provider=provider)
    if mode == "run":
        return (await agents.Runner.run(agent, asked, run_config=config, **more)).final_output
    result = agents.Runner.run_streamed(agent, asked, run_config=config, **more)
    async for event in result.stream_events():
        if event.type == "raw_response_event":
            assert_clean(repr(event))
    return result.final_output


def _agent(**more: Any) -> Any:
    return agents.Agent(name="helper", model="m", **more)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", MODES)
async def test_the_real_client(
    mode: str, kind: str, make: Make, log: MemoryLog, server: StandInServer
) -> None:
    provider = make(kind)
    assert "weather" in await _run(_agent(), mode, provider)
    assert only(log).outcome is Outcome.RELEASED
    with pytest.raises(RequestRefused) as caught:
        await _run(_agent(), mode, provider, FORBIDDEN)
    assert isinstance(caught.value, RefusedInRun)
    assert caught.value.attempt == log.closed[1].opened.id
    assert_clean(str(caught.value))
    assert len(server.requests) == 1
    server.reply(FORBIDDEN)
    with pytest.raises(RequestRefused):
        await _run(_agent(), mode, provider)
    assert len(server.requests) == 2
    server.reply(chunks=TURNING)
    with pytest.raises(RequestRefused):
        await _run(_agent(), mode, provider)
    assert [entry.outcome for entry in log.closed][1:] == [Outcome.REFUSED] * 3


def test_a_sync_run(make: Make, log: MemoryLog) -> None:
    config = agents.RunConfig(model_provider=make())
    assert "weather" in agents.Runner.run_sync(_agent(), HELLO, run_config=config).final_output
    assert only(log).outcome is Outcome.RELEASED


REQUESTS: list[tuple[str, Any, dict[str, Any]]] = [
    ("text", FORBIDDEN, {}),
    ("item", [{"role": "user", "content": FORBIDDEN}], {}),
    ("part", [{"role": "user", "content": [{"type": "input_text", "text": FORBIDDEN}]}], {}),
    ("remote picture", [{"role": "user", "content": [
        {"type": "input_image", "image_url": "https://a.example/x.png"}]}], {}),
    ("file", [{"role": "user", "content": [{"type": "input_file", "file_id": "f1"}]}], {}),
    ("stored", HELLO, {"previous_response_id": "resp_1"}),
    ("conversation", HELLO, {"conversation_id": "conv_1"}),
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", [c[1:] for c in REQUESTS], ids=[c[0] for c in REQUESTS])
async def test_what_is_refused_in_a_request(
    case: tuple[Any, dict[str, Any]], mode: str, make: Make, log: MemoryLog, server: StandInServer
) -> None:
    asked, more = case
    with pytest.raises(RequestRefused):
        await _run(_agent(), mode, make(), asked, **more)
    assert server.requests == []
    assert not only(log).model_called


@pytest.mark.parametrize("more", [
    {"instructions": FORBIDDEN},
    {"model_settings": agents.ModelSettings(extra_body={"input": "x"})},
    {"model_settings": agents.ModelSettings(extra_args={"persona": FORBIDDEN})},
    {"prompt": {"id": "pmpt_1"}},
], ids=["instructions", "extra body", "extra arguments", "stored prompt"])  # fmt: skip
async def test_what_is_refused_in_an_agent(
    more: dict[str, Any], make: Make, server: StandInServer
) -> None:
    with pytest.raises(RequestRefused):
        await _run(_agent(**more), "run", make())
    assert server.requests == []


@pytest.mark.parametrize("mode", MODES)
async def test_later_turns_are_screened(
    mode: str, make: Make, log: MemoryLog, server: StandInServer
) -> None:
    called: list[str] = []

    @agents.function_tool
    def look(town: str) -> str:
        """Look."""
        called.append(town)
        return FORBIDDEN

    server.reply(tool_call=("look", {"town": "Nara"}))
    with pytest.raises(RequestRefused):
        await _run(_agent(tools=[look]), mode, make())
    assert called == ["Nara"]
    assert len(server.requests) == 1
    assert [entry.outcome for entry in log.closed] == [Outcome.RELEASED, Outcome.REFUSED]
    server.reply(tool_call=("look", {"town": FORBIDDEN}))
    with pytest.raises(RequestRefused):
        await _run(_agent(tools=[look]), mode, make())
    assert called == ["Nara"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_handoff_is_screened(
    mode: str, make: Make, log: MemoryLog, server: StandInServer
) -> None:
    other = agents.Agent(name="Painter", model="m", instructions=FORBIDDEN)
    server.reply(tool_call=("transfer_to_painter", {}))
    with pytest.raises(RequestRefused):
        await _run(_agent(handoffs=[other]), mode, make())
    assert len(server.requests) == 1
    assert [entry.outcome for entry in log.closed] == [Outcome.RELEASED, Outcome.REFUSED]


@pytest.mark.parametrize("mode", MODES)
async def test_an_agent_used_as_a_tool_is_screened(
    mode: str, make: Make, log: MemoryLog, server: StandInServer
) -> None:
    other = agents.Agent(name="Painter", model="m", instructions=FORBIDDEN)
    server.reply(tool_call=("ask", {"input": "hello"}))
    tool = other.as_tool("ask", "Ask it.", failure_error_function=None)
    with pytest.raises(RequestRefused):
        await _run(_agent(tools=[tool]), mode, make())
    assert len(server.requests) == 1
    assert [entry.outcome for entry in log.closed] == [Outcome.RELEASED, Outcome.REFUSED]


async def test_a_stream_left_early_closes_its_entry(
    make: Make, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(chunks=["The weather is mild today. "] * 80)
    model = make().get_model("m")
    stream = model.stream_response(
        None, HELLO, agents.ModelSettings(), [], None, [], agents.ModelTracing.DISABLED,
        previous_response_id=None, conversation_id=None, prompt=None,
    )  # fmt: skip
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert only(log).outcome is Outcome.CANCELLED


async def test_claims_come_from_the_application(make: Make, log: MemoryLog) -> None:
    @agents.function_tool
    def draw(prompt: str) -> str:
        """Draw."""
        return prompt

    agent = _agent(tools=[draw])
    with pytest.raises(GatedInRun):
        await _run(agent, "stream", make(caller=CALLER.get), GATED, context={"tier": "adult"})
    token = CALLER.set(ADULT)
    try:
        await _run(agent, "stream", make(caller=CALLER.get), GATED)
    finally:
        CALLER.reset(token)
    assert [entry.opened.request.caller for entry in log.closed] == [FREE, ADULT]
    assert {entry.request.operation for entry in log.opened} == {Operation.IMAGE_GENERATE}


async def test_the_model_is_not_called_without_a_log(
    make: Make, log: MemoryLog, server: StandInServer
) -> None:
    log.full = True
    with pytest.raises(LogUnavailable):
        await _run(_agent(), "run", make())
    assert server.requests == []


class Script(agents.Model):
    """A model that answers with what it is given, one a turn."""

    def __init__(self, *calls: tuple[str, str]) -> None:
        self.calls = list(calls)
        self.asked = 0

    async def get_response(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        if self.calls:
            name, arguments = self.calls.pop(0)
            item: Any = ResponseFunctionToolCall(
                type="function_call", call_id="c", name=name, arguments=arguments
            )
        else:
            text = {"type": "output_text", "text": "Done.", "annotations": []}
            item = ResponseOutputMessage.model_validate(
                {"id": "m", "type": "message", "role": "assistant", "status": "completed",
                 "content": [text]}
            )  # fmt: skip
        return agents.ModelResponse([item], agents.Usage(), None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def _json(prompt: str, image: str = "") -> str:
    return f'{{"prompt": "{prompt}", "image": "{image}"}}'


async def test_a_picture_tool(make: Make, log: MemoryLog) -> None:
    drawn: list[str] = []

    @agents.function_tool
    def paint(prompt: str, image: str) -> str:
        """Paint."""
        drawn.append(prompt)
        return PNG_URL + image[:0]

    tool = make().guard_tool(paint)

    async def call(prompt: str, image: str = "") -> Any:
        agent = agents.Agent(name="a", model=Script(("paint", _json(prompt, image))), tools=[tool])
        return (await agents.Runner.run(agent, HELLO)).final_output

    assert await call("a garden in autumn") == "Done."
    assert only(log).opened.request.operation is Operation.IMAGE_GENERATE
    with pytest.raises(RequestRefused) as caught:
        await call(FORBIDDEN)
    assert isinstance(caught.value, agents.AgentsException)
    with pytest.raises(RequestGated):
        await call(GATED)
    await call("make it brighter", PNG_URL)
    assert log.closed[-1].opened.request.operation is Operation.IMAGE_EDIT
    assert drawn == ["a garden in autumn", "make it brighter"]


async def test_the_hooks(loaded: Guard, log: MemoryLog) -> None:
    hooks = Guardrails(guard=guarded_by(loaded, log), caller=FREE)
    said = ["fine"]

    @agents.function_tool(
        tool_input_guardrails=[hooks.tool_input], tool_output_guardrails=[hooks.tool_output]
    )
    def paint(prompt: str, image: str) -> str:
        """Paint."""
        return said[-1] + prompt[:0] + image[:0]

    def agent(*calls: tuple[str, str]) -> Any:
        return agents.Agent(
            name="a", model=Script(*calls), tools=[paint],
            input_guardrails=[hooks.input], output_guardrails=[hooks.output],
        )  # fmt: skip

    first = agent()
    with pytest.raises(agents.InputGuardrailTripwireTriggered) as caught:
        await agents.Runner.run(first, FORBIDDEN)
    info = caught.value.guardrail_result.output.output_info
    assert isinstance(info, RequestRefused)
    assert first.model.asked == 0
    assert info.attempt == only(log).opened.id
    result = await agents.Runner.run(agent(("paint", _json("a garden"))), HELLO)
    assert result.final_output == "Done."
    with pytest.raises(agents.ToolInputGuardrailTripwireTriggered):
        await agents.Runner.run(agent(("paint", _json(FORBIDDEN))), HELLO)
    said.append(FORBIDDEN)
    with pytest.raises(agents.ToolOutputGuardrailTripwireTriggered):
        await agents.Runner.run(agent(("paint", _json("a garden"))), HELLO)
    assert all(entry.outcome in (Outcome.RELEASED, Outcome.REFUSED) for entry in log.closed)


async def test_the_last_word_is_screened(loaded: Guard, log: MemoryLog) -> None:
    hooks = Guardrails(guard=guarded_by(loaded, log))
    agent = agents.Agent(name="a", model=Script(), output_guardrails=[hooks.output])
    await agents.Runner.run(agent, HELLO)
    result = await hooks.output.run(agents.RunContextWrapper(None), agent, FORBIDDEN)
    assert result.output.tripwire_triggered
    assert [entry.outcome for entry in log.closed] == [Outcome.RELEASED, Outcome.REFUSED]
