from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from guardrail.errors import LogUnavailable, RequestGated, RequestRefused
from guardrail.guard import Guard
from guardrail.records import Operation, Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from .cases import ADULT, FORBIDDEN, FREE, GATED, only
from .frames import CALLER, PNG, PNG_URL, TURNING, assert_clean, guarded_by

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("pydantic_ai")
    from pydantic import BaseModel
    from pydantic_ai import Agent, BinaryContent, ImageUrl
    from pydantic_ai.messages import (
        AudioUrl,
        FilePart,
        ModelMessage,
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        ThinkingPart,
        ToolCallPart,
        ToolReturnPart,
        UserPromptPart,
    )
    from pydantic_ai.models.function import (
        AgentInfo,
        DeltaThinkingPart,
        DeltaToolCall,
        FunctionModel,
    )
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    from guardrail.adapters.pydantic_ai import GuardedModel, GuardedToolset

HELLO = "What is the weather like?"
pytestmark = pytest.mark.filterwarnings("ignore")
Make = Callable[..., GuardedModel]


@pytest.fixture
def make(loaded: Guard, log: MemoryLog) -> Make:
    guard = guarded_by(loaded, log)
    return lambda model, caller=FREE: GuardedModel(model, guard=guard, caller=caller)


class Says:
    """A model that answers with the parts it is given, one list a request."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[list[ModelMessage]] = []
        self.closed = 0

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del info
        self.asked.append(messages)
        return ModelResponse(parts=self.replies.pop(0))

    async def stream(self, messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        del info
        self.asked.append(messages)
        try:
            for piece in self.replies.pop(0):
                yield piece
        finally:
            self.closed += 1

    @property
    def model(self) -> FunctionModel:
        return FunctionModel(self.__call__, stream_function=self.stream)


def _openai(server: StandInServer, kind: Any = OpenAIChatModel) -> Any:
    return kind("m", provider=OpenAIProvider(base_url=server.url, api_key="k"))


async def _run(agent: Agent[Any, Any], mode: str, asked: Any, **more: Any) -> Any:
    if mode == "run":
        return (await agent.run(asked, **more)).output
    async with agent.run_stream(asked, **more) as result:
        async for _ in result.stream_text(delta=True):
            pass
        return await result.get_output()


MODES = ["run", "stream"]


@pytest.mark.parametrize("kind", [OpenAIChatModel, OpenAIResponsesModel])
@pytest.mark.parametrize("mode", MODES)
async def test_the_real_client(
    mode: str, kind: Any, make: Make, log: MemoryLog, server: StandInServer
) -> None:
    agent = Agent(make(_openai(server, kind)))
    assert "weather" in await _run(agent, mode, HELLO)
    assert only(log).outcome is Outcome.RELEASED
    with pytest.raises(RequestRefused) as caught:
        await _run(agent, mode, FORBIDDEN)
    assert_clean(str(caught.value))
    assert len(server.requests) == 1
    server.reply(FORBIDDEN)
    with pytest.raises(RequestRefused):
        await _run(agent, mode, HELLO)
    assert len(server.requests) == 2
    assert [entry.outcome for entry in log.closed][1:] == [Outcome.REFUSED] * 2


def test_a_sync_run(make: Make, log: MemoryLog) -> None:
    agent = Agent(make(Says([TextPart("Mild.")], [TextPart(FORBIDDEN)]).model))
    result = agent.run_sync(HELLO)
    assert result.output == "Mild."
    told = result.all_messages()[-1].metadata
    assert told is not None
    assert told["guardrail"]["attempt"] == only(log).opened.id
    with pytest.raises(RequestRefused):
        agent.run_sync(HELLO)


REQUESTS: list[tuple[str, Any, dict[str, Any]]] = [
    ("prompt", FORBIDDEN, {}),
    ("list", ["Draw this:", FORBIDDEN], {}),
    ("instructions", HELLO, {"instructions": FORBIDDEN}),
    ("history", "Please", {"message_history": [
        ModelRequest([UserPromptPart(FORBIDDEN)]), ModelResponse([TextPart("No.")])]}),
    ("system", "Please", {"message_history": [ModelRequest([SystemPromptPart(FORBIDDEN)])]}),
    ("thinking", "Please", {"message_history": [
        ModelRequest([UserPromptPart("Hi")]), ModelResponse([ThinkingPart(FORBIDDEN)])]}),
    ("tool return", "Please", {"message_history": [
        ModelRequest([UserPromptPart("Hi")]),
        ModelResponse([ToolCallPart("f", {"a": 1}, "1")]),
        ModelRequest([ToolReturnPart("f", {"deep": [FORBIDDEN]}, "1")])]}),
    ("tool call", "Please", {"message_history": [
        ModelRequest([UserPromptPart("Hi")]),
        ModelResponse([ToolCallPart("f", {"a": FORBIDDEN}, "1")]),
        ModelRequest([ToolReturnPart("f", "done", "1")])]}),
    ("remote picture", ["What is this?", ImageUrl("https://a.example/x.png")], {}),
    ("audio", ["What is this?", AudioUrl("https://a.example/x.wav")], {}),
    ("file", ["What?", BinaryContent(b"%PDF", media_type="application/pdf")], {}),
    ("extra body", HELLO, {"model_settings": {"extra_body": {"messages": []}}}),
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("asked", "more"), [c[1:] for c in REQUESTS], ids=[c[0] for c in REQUESTS])
async def test_what_is_refused_in_a_request(
    asked: Any, more: dict[str, Any], mode: str, make: Make, log: MemoryLog
) -> None:
    says = Says([TextPart("Yes.")])
    with pytest.raises(RequestRefused):
        await _run(Agent(make(says.model)), mode, asked, **more)
    assert says.asked == []
    assert not only(log).model_called


@pytest.mark.parametrize("picture", [BinaryContent(PNG, media_type="image/png"), ImageUrl(PNG_URL)])
def test_a_picture_is_read(picture: Any, make: Make, log: MemoryLog) -> None:
    Agent(make(Says([TextPart("A gradient.")]).model)).run_sync(["What is this?", picture])
    (image,) = only(log).opened.request.images
    assert image.data == PNG


OUTPUTS: list[tuple[str, list[Any]]] = [
    ("text", [TextPart(FORBIDDEN)]),
    ("thinking", [ThinkingPart(FORBIDDEN), TextPart("Fine.")]),
    ("tool call", [ToolCallPart("f", {"deep": [FORBIDDEN]})]),
    ("tool call, raw", [ToolCallPart("f", '{"a": "' + FORBIDDEN + '"}')]),
    ("file", [FilePart(BinaryContent(b"%PDF", media_type="application/pdf"))]),
]


@pytest.mark.parametrize("reply", [c[1] for c in OUTPUTS], ids=[c[0] for c in OUTPUTS])
def test_what_is_refused_in_a_reply(reply: list[Any], make: Make, log: MemoryLog) -> None:
    with pytest.raises(RequestRefused):
        Agent(make(Says(reply).model)).run_sync(HELLO)
    assert (only(log).outcome, only(log).model_called) == (Outcome.REFUSED, True)


STREAMS: list[tuple[str, list[Any]]] = [
    ("text", list(TURNING)),
    ("thinking", [{0: DeltaThinkingPart(content=piece)} for piece in TURNING]),
    ("tool call", [
        {0: DeltaToolCall("weather", '{"town": "')},
        *({0: DeltaToolCall(None, piece)} for piece in TURNING),
        {0: DeltaToolCall(None, '"}')},
    ]),
]  # fmt: skip


@pytest.mark.parametrize("reply", [c[1] for c in STREAMS], ids=[c[0] for c in STREAMS])
async def test_a_stream_that_turns_raises_there(
    reply: list[Any], make: Make, log: MemoryLog
) -> None:
    says = Says(reply)
    agent = Agent(make(says.model))
    called: list[str] = []

    @agent.tool_plain
    def weather(town: str) -> str:
        called.append(town)
        return "Mild."

    shown: list[Any] = []
    with pytest.raises(RequestRefused):
        async with agent.run_stream_events(HELLO) as events:
            shown.extend([event async for event in events])
    assert_clean(repr(shown))
    assert called == []
    assert only(log).decision.stage.value == "stream"
    assert says.closed == 1


async def test_a_stream_is_the_same_guarded(make: Make) -> None:
    pieces = ["The weather ", "in Nara ", "is mild. "] * 20
    bare, guarded = Says(pieces), Says(pieces)
    outputs = []
    for model in (bare.model, make(guarded.model)):
        async with Agent(model).run_stream(HELLO) as result:
            texts = [text async for text in result.stream_text(delta=True, debounce_by=None)]
            outputs.append(("".join(texts), await result.get_output(), result.usage))
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("how", ["leave", "cancel"])
async def test_a_stream_left_early_closes_its_entry(how: str, make: Make, log: MemoryLog) -> None:
    says = Says(["The weather is mild today. "] * 60)
    async with Agent(make(says.model)).run_stream(HELLO) as result:
        async for _ in result.stream_text(delta=True, debounce_by=None):
            break
        if how == "cancel":
            await result.cancel()
    assert only(log).outcome is Outcome.CANCELLED
    assert says.closed == 1


class Weather(BaseModel):
    town: str


@pytest.mark.parametrize("mode", MODES)
async def test_structured_output_and_tools(mode: str, make: Make, log: MemoryLog) -> None:
    def reply(name: str, value: str) -> list[Any]:
        call = '{"town": "' + value + '"}'
        return [ToolCallPart(name, call)] if mode == "run" else [{0: DeltaToolCall(name, call)}]

    says = Says(reply("look", "Nara"), reply("final_result", "Nara"), reply("look", "Nara"))
    agent = Agent(make(says.model), output_type=Weather)
    answers = ["Mild.", FORBIDDEN]

    @agent.tool_plain
    def look(town: str) -> str:
        return town[:0] + answers.pop(0)

    async def run() -> Any:
        if mode == "run":
            return (await agent.run(HELLO)).output
        async with agent.run_stream(HELLO) as result:
            return await result.get_output()

    assert await run() == Weather(town="Nara")
    with pytest.raises(RequestRefused):
        await run()
    outcomes = [entry.outcome for entry in log.closed]
    assert outcomes == [Outcome.RELEASED] * 3 + [Outcome.REFUSED]
    assert len(says.asked) == 3


def test_claims_come_from_the_application(make: Make, log: MemoryLog) -> None:
    says = Says([TextPart("Done.")])
    agent = Agent(make(says.model, CALLER.get))

    @agent.tool_plain
    def draw(prompt: str) -> str:
        return prompt

    with pytest.raises(RequestGated):
        agent.run_sync(GATED, metadata={"tier": "adult"})
    token = CALLER.set(ADULT)
    try:
        agent.run_sync(GATED)
    finally:
        CALLER.reset(token)
    assert [entry.opened.request.caller for entry in log.closed] == [FREE, ADULT]
    assert only_operations(log) == {Operation.IMAGE_GENERATE}


def only_operations(log: MemoryLog) -> set[Operation]:
    return {entry.request.operation for entry in log.opened}


def test_the_model_is_not_called_without_a_log(make: Make, log: MemoryLog) -> None:
    log.full = True
    says = Says([TextPart("One.")])
    with pytest.raises(LogUnavailable):
        Agent(make(says.model)).run_sync(HELLO)
    assert says.asked == []


def draw_picture(prompt: str, image: str = "") -> Any:
    """Draw a picture."""
    return BinaryContent(PNG, media_type="image/png") if prompt + image else None


def tell_time(zone: str) -> str:
    """Tell the time."""
    return zone


@pytest.mark.parametrize("names", [None, ["draw_picture"]])
def test_a_picture_tool(names: list[str] | None, loaded: Guard, log: MemoryLog) -> None:
    from pydantic_ai.toolsets import FunctionToolset

    given = FunctionToolset([draw_picture, tell_time])
    toolset = GuardedToolset(given, names=names, guard=guarded_by(loaded, log))

    def run(name: str, **arguments: str) -> Any:
        says = Says([ToolCallPart(name, arguments)], [TextPart("Done.")])
        return Agent(says.model, toolsets=[toolset]).run_sync(HELLO).output

    assert run("draw_picture", prompt="a garden in autumn") == "Done."
    assert only(log).opened.request.operation is Operation.IMAGE_GENERATE
    with pytest.raises(RequestRefused):
        run("draw_picture", prompt=FORBIDDEN)
    with pytest.raises(RequestGated):
        run("draw_picture", prompt=GATED)
    run("draw_picture", prompt="brighter", image=PNG_URL)
    assert log.closed[-1].opened.request.operation is Operation.IMAGE_EDIT
    run("tell_time", zone=FORBIDDEN)
    assert len(log.closed) == 4


def test_functions_given_as_a_list_are_all_screened(loaded: Guard, log: MemoryLog) -> None:
    toolset = GuardedToolset([tell_time], guard=guarded_by(loaded, log))
    says = Says([ToolCallPart("tell_time", {"zone": FORBIDDEN})])
    with pytest.raises(RequestRefused):
        Agent(says.model, toolsets=[toolset]).run_sync(HELLO)
    assert not only(log).model_called
