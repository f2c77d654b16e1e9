"""pydantic-ai behind the guard: models, and tools that make pictures.

    from guardrail.adapters.pydantic_ai import GuardedModel

    agent = Agent(GuardedModel("openai:gpt-4o", log="sqlite:///attempts.db"))
    agent.run_sync("What is the weather like?")

Every request of a run is screened: history, tool results and instructions included.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from guardrail.adapters import _pydantic_read as read
from guardrail.adapters._loose import tool_output, tool_request
from guardrail.adapters.service import Service, achunks, note, raising, required
from guardrail.adapters.wire.tools import makes_pictures
from guardrail.errors import UnguardedOperation
from guardrail.guard import AsyncGuardedStream
from guardrail.records import AttemptLog, Caller, Operation, Request

required("pydantic_ai", "pydantic-ai")

from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    ModelResponsePart,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartEndEvent,
    PartStartEvent,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse, infer_model
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset, WrapperToolset

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from guardrail.guard import Guard
    from guardrail.policy import Policy

__all__ = ["GuardedModel", "GuardedToolset"]

_NOBODY = Caller()


@dataclass(init=False)
class GuardedModel(WrapperModel):
    """Any model of pydantic-ai, behind a guard.

    wrapped: a model or its name. policy: a shipped policy's name, a file, or a loaded Policy. log:
    where attempts are kept, a URL or a log; None: the default place. caller, conversation: a value,
    or a function that is asked at every request. guard: used instead of `policy` and `log`.
    Runs raise RequestRefused, RequestGated, LogUnavailable (the model was then not called), and
    whatever the model raises. A stream raises where it turns.
    Raises ConfigurationError when the policy or the log cannot be opened.
    """

    def __init__(  # noqa: PLR0913  one keyword for each thing a client may set
        self,
        wrapped: Model | str,
        policy: str | Path | Policy = "default",
        *,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = _NOBODY,
        conversation: Callable[[], str] | str = "",
        guard: Guard | None = None,
    ) -> None:
        super().__init__(infer_model(wrapped))
        self.service = Service.opened(policy, log, caller, conversation, guard=guard)

    def close(self) -> None:
        """Shut the log down, if this model opened it."""
        self.service.close()

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """As the model's own; the reply's `metadata` tells of the attempt."""
        request = self._asked(messages, model_settings, model_request_parameters)
        released = await self.service.aguard.run(
            request,
            lambda: self.wrapped.request(messages, model_settings, model_request_parameters),
            read.output,
        )
        told = note(released.attempt.opened, released.attempt.decision)
        reply: ModelResponse = released.reply
        return replace(reply, metadata={**(reply.metadata or {}), "guardrail": told})

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: Any = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """As the model's own; events are held back until what they say is cleared."""
        request = self._asked(messages, model_settings, model_request_parameters)
        asked = (messages, model_settings, model_request_parameters, run_context)
        async with AsyncExitStack() as stack:
            begun: list[StreamedResponse] = []

            async def begin() -> StreamedResponse:
                opened = self.wrapped.request_stream(*asked)
                begun.append(await stack.enter_async_context(opened))
                return begun[0]

            stream = await self.service.aguard.stream(request, begin, raising(read.deltas))
            stack.push_async_callback(stream.aclose)
            yield _Released(model_request_parameters, begun[0], stream)

    async def compact_messages(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Refused: what the provider makes of the history cannot be screened."""
        del args, kwargs
        raise UnguardedOperation("compact_messages is not screened, so it is not run")

    def _asked(
        self, messages: list[ModelMessage], settings: Any, parameters: ModelRequestParameters
    ) -> Request:
        service = self.service
        limit = service.guard.policy.limits.image_bytes
        request = read.request(messages, settings, parameters, limit, self.wrapped.model_name)
        return replace(request, caller=service.who(None), conversation=service.where(None))


@dataclass
class _Released(StreamedResponse):
    """The events that may be shown, and a response made of them alone."""

    inner: StreamedResponse
    stream: AsyncGuardedStream[Any]
    released: dict[int, ModelResponsePart] = field(default_factory=dict)

    def __aiter__(self) -> AsyncIterator[ModelResponseStreamEvent]:
        if self._event_iterator is None:
            self._event_iterator = self._get_event_iterator()
        return self._event_iterator

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        event: ModelResponseStreamEvent
        async for event in achunks(self.stream):
            match event:
                case PartStartEvent() | PartEndEvent():
                    self.released[event.index] = event.part
                case PartDeltaEvent():
                    part: Any = self.released[event.index]
                    self.released[event.index] = event.delta.apply(part)
                case _:
                    self.final_result_event = event
            yield event
        self._finished = not self._cancelled

    def get(self) -> ModelResponse:
        """The response so far."""
        whole = self.inner.get()
        state = whole.state
        if not self._finished:
            state = "interrupted" if self._cancelled else "incomplete"
        told = {**(whole.metadata or {}), "guardrail": note(self.stream.attempt)}
        return replace(whole, parts=list(self.released.values()), state=state, metadata=told)

    async def close_stream(self) -> None:
        """Hang up and close the attempt."""
        await self.stream.aclose()
        await self.inner.close_stream()

    @property
    def usage(self) -> Any:
        """As the model's own."""
        return self.inner.usage

    @property
    def model_name(self) -> str:
        """As the model's own."""
        return self.inner.model_name

    @property
    def provider_name(self) -> str | None:
        """As the model's own."""
        return self.inner.provider_name

    @property
    def provider_url(self) -> str | None:
        """As the model's own."""
        return self.inner.provider_url

    @property
    def timestamp(self) -> datetime:
        """As the model's own."""
        return self.inner.timestamp


@dataclass(init=False)
class GuardedToolset(WrapperToolset[Any]):
    """Tools of which some make pictures: each call of those is a request for a picture.

    tools: a toolset, or functions and tools. names: those that make pictures; None: all of a list,
    and of a toolset those whose names say so. operation: what a call is screened as;
    `image.generate` becomes `image.edit` where a picture is among the arguments. The rest: as
    `GuardedModel`.
    """

    def __init__(  # noqa: PLR0913  one keyword for each thing a client may set
        self,
        tools: AbstractToolset[Any] | Collection[Any],
        policy: str | Path | Policy = "default",
        *,
        names: Collection[str] | None = None,
        operation: Operation = Operation.IMAGE_GENERATE,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = _NOBODY,
        conversation: Callable[[], str] | str = "",
        guard: Guard | None = None,
    ) -> None:
        if isinstance(tools, AbstractToolset):
            super().__init__(tools)
            self.makes: Callable[[str], bool] = makes_pictures
        else:
            super().__init__(FunctionToolset(list(tools)))
            self.makes = lambda _: True
        if names is not None:
            self.makes = frozenset(names).__contains__
        self.operation = operation
        self.service = Service.opened(policy, log, caller, conversation, guard=guard)

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
        """As the toolset's own, screened where the tool makes pictures."""
        if not self.makes(name):
            return await super().call_tool(name, tool_args, ctx, tool)
        service = self.service
        request = tool_request(
            tool_args, service.guard.policy.limits.image_bytes, self.operation,
            caller=service.who(None), conversation=service.where(None), model=name,
        )  # fmt: skip
        return await service.aguard.call(
            request, lambda: self.wrapped.call_tool(name, tool_args, ctx, tool), tool_output
        )
