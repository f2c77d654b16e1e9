"""LangChain behind the guard: chat models, and tools that make pictures.

    from guardrail.adapters.langchain import GuardedChatModel

    model = GuardedChatModel(ChatOpenAI(model="gpt-4o"), log="sqlite:///attempts.db")
    model.invoke("What is the weather like?")

Nothing reaches the model unless the policy allows it, and what the model says is shown to nobody,
callbacks included, before it is cleared.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from guardrail.adapters import _langchain_read as read
from guardrail.adapters.service import Service, achunks, chunks, note, raising, required
from guardrail.errors import UnguardedOperation
from guardrail.records import AttemptLog, Caller, Decision, Request

required("langchain_core", "langchain")

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import (
    Runnable,
    RunnableAssign,
    RunnableBinding,
    RunnableParallel,
    RunnableSequence,
    RunnableWithFallbacks,
)
from pydantic import PrivateAttr

from guardrail.adapters._langchain_tools import guard_tool

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.guard import Guard
    from guardrail.guard.asynchronous import AsyncGuardedStream
    from guardrail.policy import Policy

__all__ = ["GuardedChatModel", "guard_tool"]

_NOBODY = Caller()


class GuardedChatModel(BaseChatModel):
    """Any LangChain chat model, behind a guard.

    model: what is guarded. policy: a shipped policy's name, a file, or a loaded Policy. log: where
    attempts are kept, a URL or a log; None: the default place. caller, conversation: a value, or a
    function that is asked at every call. guard: used instead of `policy` and `log`.
    Its calls raise RequestRefused, RequestGated, LogUnavailable (the model was then not called),
    and whatever the model raises; a stream raises where it turns.
    Raises ConfigurationError when the policy or the log cannot be opened.
    """

    model: BaseChatModel
    _service: Service = PrivateAttr()

    def __init__(  # noqa: PLR0913  one keyword for each thing a client may set
        self,
        model: BaseChatModel,
        policy: str | Path | Policy = "default",
        *,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = _NOBODY,
        conversation: Callable[[], str] | str = "",
        guard: Guard | None = None,
        **fields: Any,
    ) -> None:
        shared = ("callbacks", "tags", "metadata", "verbose", "rate_limiter", "profile")
        own = {name: getattr(model, name) for name in (*shared, "output_version")}
        super().__init__(**{**own, "model": model, "cache": False, **fields})
        self.cache = False
        self._service = Service.opened(policy, log, caller, conversation, guard=guard)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        """As the model's own, guarded."""
        return self._around(self.model.bind_tools(tools, **kwargs))

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        """As the model's own, guarded."""
        own = self.model.with_structured_output(schema, include_raw=include_raw, **kwargs)
        return self._around(own)

    def close(self) -> None:
        """Shut the log down, if this model opened it."""
        self._service.close()

    def get_num_tokens(self, text: str) -> int:
        """As the model's own."""
        return self.model.get_num_tokens(text)

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """As the model's own."""
        return self.model.get_num_tokens_from_messages(messages, tools)

    @property
    def _llm_type(self) -> str:
        return self.model._llm_type

    @property
    def _identifying_params(self) -> Any:
        return self.model._identifying_params

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return self.model._get_ls_params(stop=stop, **kwargs)

    def _combine_llm_outputs(self, llm_outputs: list[Any]) -> dict[str, Any]:
        return self.model._combine_llm_outputs(llm_outputs)

    def _should_stream(self, **kwargs: Any) -> bool:
        return self.model._should_stream(**kwargs)

    def _streaming_disabled(self, **kwargs: Any) -> bool:
        return not _streams(self.model) or self.model._streaming_disabled(**kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        request = self._request(messages, kwargs)
        released = self._service.guard.run(
            request, lambda: self.model._generate(messages, stop, **kwargs), read.output
        )
        return _noted(released.reply, note(released.attempt.opened, released.attempt.decision))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        request = self._request(messages, kwargs)
        released = await self._service.aguard.run(
            request, lambda: self.model._agenerate(messages, stop, **kwargs), read.output
        )
        return _noted(released.reply, note(released.attempt.opened, released.attempt.decision))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del run_manager
        stream = self._service.guard.stream(
            self._request(messages, kwargs),
            lambda: self.model._stream(messages, stop, **kwargs),
            raising(read.deltas),
        )
        told = note(stream.attempt)
        held: list[ChatGenerationChunk] = []
        for chunk in chunks(stream):
            if _is_free(chunk, held):
                yield _marked(chunk, told)
                told = {}
        yield from held

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        del run_manager

        async def begun() -> AsyncIterator[ChatGenerationChunk]:
            return self.model._astream(messages, stop, **kwargs)

        stream: AsyncGuardedStream[ChatGenerationChunk | Decision]
        request = self._request(messages, kwargs)
        stream = await self._service.aguard.stream(request, begun, raising(read.deltas))
        told = note(stream.attempt)
        held: list[ChatGenerationChunk] = []
        async with aclosing(achunks(stream)) as cleared:
            async for chunk in cleared:
                if _is_free(chunk, held):
                    yield _marked(chunk, told)
                    told = {}
        for chunk in held:
            yield chunk

    def _request(self, messages: list[BaseMessage], kwargs: dict[str, Any]) -> Request:
        params = self.model._get_ls_params(**kwargs)
        service = self._service
        request = read.request(
            messages, kwargs, service.guard.policy.limits.image_bytes,
            str(params.get("ls_model_name") or ""),
        )  # fmt: skip
        return replace(request, caller=service.who(None), conversation=service.where(None))

    def _around(self, own: Runnable[Any, Any]) -> Runnable[Any, Any]:
        """What the model built around itself, built around this one instead."""
        rebuilt = _Rebuilt(self)
        result: Runnable[Any, Any] = rebuilt.of(own)
        if not rebuilt.found:
            raise UnguardedOperation(
                f"{type(self.model).__name__} built something that is not known to go through the "
                "guard: use bind() with the arguments it takes"
            )
        return result

    def _over(self, model: BaseChatModel) -> GuardedChatModel:
        if model is self.model:
            return self
        twin = self.model_copy(update={"model": model})
        twin._service = self._service
        return twin


class _Rebuilt:
    """Goes through a runnable and puts a guarded model wherever there is a model."""

    def __init__(self, outer: GuardedChatModel) -> None:
        self.outer = outer
        self.found = False

    def of(self, own: Any) -> Any:
        update: dict[str, Any] = {}
        match own:
            case BaseChatModel():
                self.found = True
                return own if isinstance(own, GuardedChatModel) else self.outer._over(own)
            case RunnableSequence():
                return RunnableSequence(*map(self.of, own.steps), name=own.name)
            case RunnableBinding():
                update["bound"] = self.of(own.bound)
            case RunnableParallel():
                update["steps__"] = {name: self.of(step) for name, step in own.steps__.items()}
            case RunnableAssign():
                update["mapper"] = self.of(own.mapper)
            case RunnableWithFallbacks():
                update["runnable"] = self.of(own.runnable)
                update["fallbacks"] = [self.of(other) for other in own.fallbacks]
        return own.model_copy(update=update) if update else own


def _streams(model: BaseChatModel) -> bool:
    kind = type(model)
    plain = kind._stream is BaseChatModel._stream
    return not (plain and kind._astream is BaseChatModel._astream)


def _is_free(chunk: ChatGenerationChunk, held: list[ChatGenerationChunk]) -> bool:
    """Whether a cleared chunk can go; a tool call waits for the end, lest half of one is run."""
    if held or getattr(chunk.message, "tool_call_chunks", None):
        held.append(chunk)
    return not held


def _marked(chunk: ChatGenerationChunk, told: dict[str, Any]) -> ChatGenerationChunk:
    if told:
        chunk.message.response_metadata = {**chunk.message.response_metadata, "guardrail": told}
    return chunk


def _noted(reply: ChatResult, told: dict[str, Any]) -> ChatResult:
    for generation in reply.generations:
        if isinstance(generation, ChatGeneration):
            message = generation.message
            message.response_metadata = {**message.response_metadata, "guardrail": told}
    return reply
