from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from guardrail.errors import LogUnavailable, RequestGated, RequestRefused, UnguardedOperation
from guardrail.guard import Guard
from guardrail.records import Operation, Outcome
from guardrail.testing import StandInServer
from guardrail.testing.fakes import MemoryLog

from .cases import ADULT, FORBIDDEN, FORBIDDEN_OUTPUT, FREE, GATED, only
from .frames import CALLER, PNG, PNG_URL, TURNING, assert_clean, guarded_by

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("langchain_core")
    openai = pytest.importorskip("langchain_openai")
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.language_models import FakeMessagesListChatModel, GenericFakeChatModel
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import (
        AIMessage,
        AIMessageChunk,
        BaseMessage,
        HumanMessage,
        SystemMessage,
        ToolMessage,
    )
    from langchain_core.outputs import ChatGenerationChunk, ChatResult
    from langchain_core.runnables import RunnableConfig, RunnableLambda
    from langchain_core.tools import BaseTool, StructuredTool, tool

    from guardrail.adapters.langchain import GuardedChatModel, guard_tool

HELLO = "What is the weather like?"
pytestmark = pytest.mark.filterwarnings("ignore")
Make = Callable[..., GuardedChatModel]


class Scripted(BaseChatModel):
    """Streams the chunks it is given, and counts how often it was asked."""

    script: list[AIMessageChunk]
    asked: list[list[BaseMessage]] = []  # noqa: RUF012  pydantic copies it
    closed: list[bool] = []  # noqa: RUF012  pydantic copies it

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise AssertionError("only streams")

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del stop, kwargs
        self.asked.append(messages)
        try:
            for message in self.script:
                chunk = ChatGenerationChunk(message=message.model_copy())
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        finally:
            self.closed.append(True)


class Heard(BaseCallbackHandler):
    """Notes what callbacks are told."""

    def __init__(self) -> None:
        self.starts, self.ends, self.errors = 0, 0, 0
        self.tokens: list[str] = []

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self.starts += 1

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.tokens.append(str(token))

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.ends += 1

    def on_llm_error(self, *_: Any, **__: Any) -> None:
        self.errors += 1


@pytest.fixture
def make(loaded: Guard, log: MemoryLog) -> Make:
    guard = guarded_by(loaded, log)
    return lambda model, caller=FREE: GuardedChatModel(model, guard=guard, caller=caller)


@pytest.fixture
def chat(make: Make, server: StandInServer) -> GuardedChatModel:
    return make(_openai(server))


def _openai(server: StandInServer, **kwargs: Any) -> BaseChatModel:
    model: BaseChatModel = openai.ChatOpenAI(
        model="m", base_url=server.url, api_key="k", max_retries=2, **kwargs
    )
    return model


def _fake(*replies: BaseMessage) -> FakeMessagesListChatModel:
    return FakeMessagesListChatModel(responses=list(replies))


def _said(text: str, **more: Any) -> AIMessageChunk:
    return AIMessageChunk(content=text, **more)


def _call(args: str) -> AIMessageChunk:
    call: Any = {"name": "weather", "args": args, "id": "c", "index": 0, "type": "tool_call_chunk"}
    return AIMessageChunk(content="", tool_call_chunks=[call])


async def _all(stream: AsyncIterator[Any]) -> list[Any]:
    return [chunk async for chunk in stream]


async def _run(model: Any, mode: str, asked: Any) -> Any:
    result = _USES[mode](model, asked)
    return await result if inspect.isawaitable(result) else result


_USES: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda model, asked: model.invoke(asked),
    "ainvoke": lambda model, asked: model.ainvoke(asked),
    "stream": lambda model, asked: list(model.stream(asked)),
    "astream": lambda model, asked: _all(model.astream(asked)),
    "batch": lambda model, asked: model.batch([asked]),
    "abatch": lambda model, asked: model.abatch([asked]),
    "astream_events": lambda model, asked: _all(model.astream_events(asked, version="v2")),
}
MODES = list(_USES)


@pytest.mark.parametrize("mode", MODES)
async def test_a_harmless_call_goes_through(
    mode: str, chat: GuardedChatModel, log: MemoryLog, server: StandInServer
) -> None:
    reply = await _run(chat, mode, HELLO)
    assert "weather" in repr(reply).replace("content='", "")
    assert only(log).opened.id in repr(reply)
    assert only(log).outcome is Outcome.RELEASED
    assert len(server.requests) == 1


@pytest.mark.parametrize("mode", MODES)
async def test_a_forbidden_request_is_never_sent_and_never_retried(
    mode: str, chat: GuardedChatModel, log: MemoryLog, server: StandInServer
) -> None:
    with pytest.raises(RequestRefused) as caught:
        await _run(chat, mode, FORBIDDEN)
    assert_clean(str(caught.value))
    assert server.requests == []
    assert caught.value.attempt == only(log).opened.id
    assert (only(log).outcome, only(log).model_called) == (Outcome.REFUSED, False)


@pytest.mark.parametrize("mode", MODES)
async def test_a_forbidden_reply_is_shown_to_nobody(
    mode: str, chat: GuardedChatModel, log: MemoryLog, server: StandInServer
) -> None:
    server.reply(FORBIDDEN + ": " + FORBIDDEN_OUTPUT)
    heard = Heard()
    with pytest.raises(RequestRefused):
        await _run(chat.with_config(callbacks=[heard]), mode, HELLO)
    assert_clean("".join(heard.tokens))
    assert (heard.starts, heard.ends, heard.errors) == (1, 0, 1)
    assert (only(log).outcome, only(log).model_called) == (Outcome.REFUSED, True)


REQUESTS: list[tuple[str, Any]] = [
    ("history", [HumanMessage(FORBIDDEN), AIMessage("No."), HumanMessage("Please")]),
    ("system", [SystemMessage(FORBIDDEN), HumanMessage("Go on")]),
    ("block", [HumanMessage([{"type": "text", "text": FORBIDDEN}])]),
    ("tool result", [HumanMessage("Hi"), AIMessage("", tool_calls=[
        {"name": "f", "args": {}, "id": "1"}]), ToolMessage(FORBIDDEN, tool_call_id="1")]),
    ("tool arguments", [HumanMessage("Hi"), AIMessage("", tool_calls=[
        {"name": "f", "args": {"prompt": FORBIDDEN}, "id": "1"}])]),
    ("reasoning", [AIMessage([{"type": "reasoning", "reasoning": FORBIDDEN}]), HumanMessage("Hi")]),
    ("tool use", [AIMessage([{"type": "tool_use", "id": "1", "name": "f",
                              "input": {"p": FORBIDDEN}}]), HumanMessage("Hi")]),
    ("tuple", [("human", FORBIDDEN)]),
    ("dict", [{"role": "user", "content": FORBIDDEN}]),
    ("remote picture", [HumanMessage([{"type": "image_url",
                                       "image_url": {"url": "https://a.example/x.png"}}])]),
    ("remote picture, v1", [HumanMessage([{"type": "image", "url": "https://a.example/x.png"}])]),
    ("picture by id", [HumanMessage([{"type": "image", "file_id": "f1"}])]),
    ("audio", [HumanMessage([{"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}])]),
    ("file", [HumanMessage([{"type": "file", "base64": "AAAA", "mime_type": "a/pdf"}])]),
    ("unknown block", [HumanMessage([{"type": "hologram", "beam": "x"}])]),
]  # fmt: skip


@pytest.mark.parametrize("asked", [c[1] for c in REQUESTS], ids=[c[0] for c in REQUESTS])
def test_what_is_refused_in_a_request(asked: Any, make: Make, log: MemoryLog) -> None:
    with pytest.raises(RequestRefused):
        make(_fake(AIMessage("Yes."))).invoke(asked)
    assert not only(log).model_called


PICTURES: list[dict[str, Any]] = [
    {"type": "image_url", "image_url": {"url": PNG_URL}},
    {"type": "image", "base64": PNG_URL.partition(",")[2], "mime_type": "image/png"},
    {
        "type": "image",
        "source_type": "base64",
        "data": PNG_URL.partition(",")[2],
        "mime_type": "image/png",
    },
    {"type": "image", "source": {"type": "base64", "data": PNG_URL.partition(",")[2]}},
    {"type": "input_image", "image_url": PNG_URL},
]


@pytest.mark.parametrize("picture", PICTURES, ids=range(len(PICTURES)))
def test_a_picture_is_read(picture: dict[str, Any], make: Make, log: MemoryLog) -> None:
    asked = [HumanMessage([{"type": "text", "text": "What is this?"}, picture])]
    make(_fake(AIMessage("A gradient."))).invoke(asked)
    (image,) = only(log).opened.request.images
    assert image.data == PNG


OUTPUTS: list[tuple[str, BaseMessage]] = [
    ("text", AIMessage(FORBIDDEN)),
    ("block", AIMessage([{"type": "text", "text": FORBIDDEN}])),
    ("reasoning", AIMessage([{"type": "reasoning", "reasoning": FORBIDDEN}])),
    ("reasoning aside", AIMessage("Fine.", additional_kwargs={"reasoning_content": FORBIDDEN})),
    ("tool call", AIMessage("", tool_calls=[{"name": "f", "args": {"p": FORBIDDEN}, "id": "1"}])),
    ("bad tool call", AIMessage("", invalid_tool_calls=[
        {"name": "f", "args": FORBIDDEN + "{", "id": "1", "error": None}])),
    ("unknown block", AIMessage([{"type": "hologram", "beam": FORBIDDEN}])),
    ("broken picture", AIMessage([{"type": "image", "base64": "!!"}])),
    ("audio", AIMessage([{"type": "audio", "base64": "AAAA"}])),
]  # fmt: skip


@pytest.mark.parametrize("reply", [c[1] for c in OUTPUTS], ids=[c[0] for c in OUTPUTS])
def test_what_is_refused_in_a_reply(reply: BaseMessage, make: Make, log: MemoryLog) -> None:
    with pytest.raises(RequestRefused):
        make(_fake(reply)).invoke(HELLO)
    assert only(log).model_called


STREAMS: list[tuple[str, list[AIMessageChunk]]] = [
    ("text", [_said(piece) for piece in TURNING]),
    ("blocks", [_said([{"type": "text", "text": p, "index": 0}]) for p in TURNING]),  # type: ignore[arg-type]
    ("reasoning", [_said("", additional_kwargs={"reasoning_content": p}) for p in TURNING]),
    ("tool call", [_call('{"q": "'), *(_call(piece) for piece in TURNING), _call('"}')]),
    ("picture", [_said([{"type": "image", "base64": "AAAA"}])]),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("mode", ["stream", "astream", "astream_events"])
@pytest.mark.parametrize("script", [c[1] for c in STREAMS], ids=[c[0] for c in STREAMS])
async def test_a_stream_that_turns_raises_there(
    script: list[AIMessageChunk], mode: str, make: Make, log: MemoryLog
) -> None:
    inner, heard = Scripted(script=script), Heard()
    with pytest.raises(RequestRefused):
        await _run(make(inner).with_config(callbacks=[heard]), mode, HELLO)
    assert_clean("".join(heard.tokens))
    assert only(log).decision.stage.value == "stream"
    assert inner.closed == [True]


def test_a_tool_call_is_released_whole_or_not_at_all(make: Make) -> None:
    pieces = ['{"q": "', "rain " * 60, "explicit", " sex scene, nude", '"}']
    shown: list[AIMessageChunk] = []
    with pytest.raises(RequestRefused):
        shown.extend(
            make(Scripted(script=[_said("Let me see. "), *map(_call, pieces)])).stream(HELLO)
        )
    assert not any(chunk.tool_calls or chunk.tool_call_chunks for chunk in shown)
    whole = list(make(Scripted(script=[_call('{"q": '), _call('"rain"}')])).stream(HELLO))
    total = whole[0]
    for chunk in whole[1:]:
        total = total + chunk
    assert total.tool_calls[0]["args"] == {"q": "rain"}


@pytest.mark.parametrize("kind", ["close", "drop"])
def test_a_stream_left_early_closes_its_entry(kind: str, make: Make, log: MemoryLog) -> None:
    inner = Scripted(script=[_said("The weather is mild today. ") for _ in range(40)])
    stream = make(inner).stream(HELLO)
    next(stream)
    if kind == "close":
        stream.close()  # type: ignore[attr-defined]
    del stream
    assert only(log).outcome is Outcome.CANCELLED
    assert inner.closed == [True]


async def test_an_async_stream_left_early_closes_its_entry(make: Make, log: MemoryLog) -> None:
    inner = Scripted(script=[_said("The weather is mild today. ") for _ in range(40)])
    stream = make(inner).astream(HELLO)
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        while not log.closed:  # noqa: ASYNC110  LangChain closes it when the loop gets to it
            await asyncio.sleep(0.001)
    assert only(log).outcome is Outcome.CANCELLED


@pytest.mark.parametrize("mode", ["invoke", "stream", "ainvoke", "astream"])
async def test_callbacks_are_told_once(mode: str, make: Make) -> None:
    own, given = Heard(), Heard()
    inner = GenericFakeChatModel(messages=iter([AIMessage("Mild and dry.")]), callbacks=[own])
    await _run(make(inner).with_config(callbacks=[given]), mode, HELLO)
    for heard in (own, given):
        assert (heard.starts, heard.ends, heard.errors) == (1, 1, 0)
    if "stream" in mode:
        assert "".join(given.tokens) == "".join(own.tokens) == "Mild and dry."


def test_tools_are_bound(chat: GuardedChatModel, log: MemoryLog, server: StandInServer) -> None:
    @tool
    def weather(town: str) -> str:
        """Tell the weather."""
        return town

    bound = chat.bind_tools([weather])
    server.reply(tool_call=("weather", {"town": "Nara"}))
    assert bound.invoke(HELLO).tool_calls[0]["args"] == {"town": "Nara"}
    assert server.requests[0].json["tools"][0]["function"]["name"] == "weather"
    server.reply(tool_call=("weather", {"town": FORBIDDEN}))
    with pytest.raises(RequestRefused):
        bound.invoke(HELLO)
    assert [entry.outcome for entry in log.closed] == [Outcome.RELEASED, Outcome.REFUSED]


def test_a_chat_that_can_end_in_a_picture_is_judged_as_one(
    chat: GuardedChatModel, log: MemoryLog
) -> None:
    chat.bind_tools([{"type": "function", "function": {"name": "draw", "parameters": {}}}]).invoke(
        HELLO
    )
    assert only(log).opened.request.operation is Operation.IMAGE_GENERATE


class Weather(BaseModel):
    """The weather."""

    town: str


METHODS = ["function_calling", "json_schema", "json_mode"]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_structured_output(
    method: str, raw: bool, chat: GuardedChatModel, log: MemoryLog, server: StandInServer
) -> None:
    structured = chat.with_structured_output(Weather, method=method, include_raw=raw)
    for town in ("Nara", FORBIDDEN):
        if method == "function_calling":
            server.reply(tool_call=("Weather", {"town": town}))
        else:
            server.reply(Weather(town=town).model_dump_json())
    answer = structured.invoke("What is the weather like in json?")
    assert (answer["parsed"] if raw else answer) == Weather(town="Nara")
    with pytest.raises(RequestRefused):
        structured.invoke("What is the weather like in json?")
    with pytest.raises(RequestRefused):
        structured.invoke(FORBIDDEN)
    assert len(server.requests) == 2
    assert len(log.closed) == 3


def test_what_hides_the_model_is_refused(make: Make) -> None:
    class Hides(FakeMessagesListChatModel):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            del tools, kwargs
            return RunnableLambda(self.invoke)

    with pytest.raises(UnguardedOperation):
        make(Hides(responses=[AIMessage("x")])).bind_tools([])


def test_claims_come_from_the_application(make: Make, log: MemoryLog) -> None:
    model = make(_fake(AIMessage("A painting."), AIMessage("A painting.")), caller=CALLER.get)
    tools = [{"type": "function", "function": {"name": "draw"}}]
    forged: Any = {"configurable": {"caller": ADULT}, "metadata": {"tier": "adult"}}
    with pytest.raises(RequestGated):
        model.bind(tools=tools).invoke(GATED, config=forged)
    token = CALLER.set(ADULT)
    try:
        model.bind(tools=tools).batch([GATED])
    finally:
        CALLER.reset(token)
    assert [entry.opened.request.caller for entry in log.closed] == [FREE, ADULT]


def test_a_cached_reply_is_not_shown_to_another(make: Make) -> None:
    from langchain_core.caches import InMemoryCache
    from langchain_core.globals import set_llm_cache

    set_llm_cache(InMemoryCache())
    try:
        inner = _fake(AIMessage("One."), AIMessage("Two."))
        model = make(inner)
        assert [model.invoke(HELLO).content for _ in range(2)] == ["One.", "Two."]
    finally:
        set_llm_cache(None)


def test_the_model_is_not_called_without_a_log(make: Make, log: MemoryLog) -> None:
    log.full = True
    inner = _fake(AIMessage("One."))
    with pytest.raises(LogUnavailable):
        make(inner).invoke(HELLO)
    assert inner.i == 0


async def test_a_failure_is_on_record(make: Make, log: MemoryLog, server: StandInServer) -> None:
    server.reply(status=400)
    with pytest.raises(Exception, match="400"):
        await make(_openai(server)).ainvoke(HELLO)
    assert only(log).outcome is Outcome.FAILED
    assert only(log).error.endswith("Error")


def test_the_responses_api(make: Make, log: MemoryLog, server: StandInServer) -> None:
    model = make(_openai(server, use_responses_api=True))
    assert "weather" in str(model.invoke(HELLO).content)
    assert len(list(model.stream(HELLO))) > 2
    server.reply(FORBIDDEN)
    with pytest.raises(RequestRefused):
        list(model.stream(HELLO))
    with pytest.raises(RequestRefused):
        model.invoke(HELLO, previous_response_id="resp_1")
    assert len(server.requests) == 3
    assert [c.outcome for c in log.closed] == [Outcome.RELEASED] * 2 + [Outcome.REFUSED] * 2


class Painter(BaseTool):
    """A tool with a run manager, a config and an artifact."""

    name: str = "paint"
    description: str = "Paints."
    response_format: str = "content_and_artifact"  # type: ignore[assignment]
    made: list[str] = []  # noqa: RUF012  pydantic copies it
    gives: Any = PNG

    def _run(self, prompt: str, config: RunnableConfig, run_manager: Any = None) -> Any:
        assert config is not None
        assert run_manager is not None
        self.made.append(prompt)
        return "done", self.gives


def paint(prompt: str, image: str = "") -> str:
    """Paint a picture."""
    return f"{prompt[:0]}{image[:0]}{PNG_URL}"


async def apaint(prompt: str, image: str = "") -> str:
    """Paint a picture."""
    return paint(prompt, image)


TOOLS: list[tuple[str, Callable[[], Any]]] = [
    ("function", lambda: paint),
    ("coroutine", lambda: apaint),
    ("structured", lambda: StructuredTool.from_function(paint, apaint)),
    ("class", Painter),
]


@pytest.mark.parametrize("use", ["invoke", "ainvoke"])
@pytest.mark.parametrize("given", [c[1] for c in TOOLS], ids=[c[0] for c in TOOLS])
async def test_a_picture_tool(
    given: Callable[[], Any], use: str, loaded: Guard, log: MemoryLog
) -> None:
    guarded = guard_tool(given(), guard=guarded_by(loaded, log), caller=CALLER.get)

    async def call(**arguments: str) -> Any:
        if use == "invoke" and given() is not apaint:
            return guarded.invoke(arguments)
        return await guarded.ainvoke(arguments)

    assert await call(prompt="a garden in autumn") in ("done", PNG_URL)
    assert log.closed[0].opened.request.operation is Operation.IMAGE_GENERATE
    assert log.closed[0].outcome is Outcome.RELEASED
    with pytest.raises(RequestRefused):
        await call(prompt=FORBIDDEN)
    with pytest.raises(RequestGated):
        await call(prompt=GATED)
    if not isinstance(given(), BaseTool) or given().name != "paint":
        await call(prompt="make it brighter", image=PNG_URL)
        assert log.closed[-1].opened.request.operation is Operation.IMAGE_EDIT
        with pytest.raises(RequestRefused):
            await call(prompt="make it brighter", image="https://a.example/x.png")


@pytest.mark.parametrize("gives", [b"no picture", object(), {"text": FORBIDDEN}, "!" * 10])
def test_what_a_tool_gives_is_read(gives: Any, loaded: Guard, log: MemoryLog) -> None:
    made = guard_tool(Painter(gives=gives), guard=guarded_by(loaded, log))
    if gives in ("!" * 10, b"no picture"):
        made.invoke({"prompt": "a garden in autumn"})
        return
    with pytest.raises(RequestRefused):
        made.invoke({"prompt": "a garden in autumn"})
    assert only(log).model_called


def test_a_caller_must_be_one(make: Make) -> None:
    model = make(_fake(AIMessage("x")), caller=lambda: "adult")
    with pytest.raises(TypeError, match="Caller"):
        model.invoke(HELLO)
