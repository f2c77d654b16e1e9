"""The OpenAI Agents SDK behind the guard: models, tools that make pictures, and guardrail hooks.

    from guardrail.adapters.openai_agents import GuardedProvider

    provider = GuardedProvider(log="sqlite:///attempts.db")
    await Runner.run(agent, "Hello", run_config=RunConfig(model_provider=provider))

A guarded model sees every turn: handoffs, tool results and the answers in between. The SDK's own
guardrails see only the first input and the last output of a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from guardrail.adapters import _agents_read as read
from guardrail.adapters._loose import tool_output, tool_request
from guardrail.adapters.service import Service, achunks, raising, required
from guardrail.errors import RequestGated, RequestRefused, RequestStopped
from guardrail.records import AttemptLog, Caller, Operation, Output, Request

required("agents", "agents")

from agents import (
    AgentsException,
    FunctionTool,
    GuardrailFunctionOutput,
    InputGuardrail,
    Model,
    ModelProvider,
    ModelSettings,
    MultiProvider,
    OutputGuardrail,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolInputGuardrailData,
    ToolOutputGuardrail,
    ToolOutputGuardrailData,
)

if TYPE_CHECKING:
    from pathlib import Path

    from agents.items import ModelResponse, TResponseStreamEvent

    from guardrail.guard import Guard
    from guardrail.policy import Policy

__all__ = ["GatedInRun", "GuardedModel", "GuardedProvider", "Guardrails", "RefusedInRun"]

_NOBODY = Caller()


class RefusedInRun(RequestRefused, AgentsException):
    """A refusal, as an exception that the SDK passes on unchanged, `run_data` and all."""


class GatedInRun(RequestGated, AgentsException):
    """As `RefusedInRun`, of a request that would be allowed to somebody else."""


class _Shared:
    """What everything here has in common.

    policy: a shipped policy's name, a file, or a loaded Policy. log: where attempts are kept, a URL
    or a log; None: the default place. caller, conversation: a value, or a function that is asked at
    every call. guard: used instead of `policy` and `log`.
    Raises ConfigurationError when the policy or the log cannot be opened.
    """

    _service: Service

    def _open(
        self,
        policy: str | Path | Policy = "default",
        *,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = _NOBODY,
        conversation: Callable[[], str] | str = "",
        guard: Guard | None = None,
    ) -> None:
        self._service = Service.opened(policy, log, caller, conversation, guard=guard)

    def shutdown(self) -> None:
        """Shut the log down, if it was opened here."""
        self._service.close()

    def _by(self, request: Request) -> Request:
        service = self._service
        return dataclasses.replace(
            request, caller=service.who(None), conversation=service.where(None)
        )

    @property
    def _image_bytes(self) -> int:
        return self._service.guard.policy.limits.image_bytes


class GuardedModel(_Shared, Model):
    """A model of the SDK, behind a guard; the other arguments are those of `GuardedProvider`.

    Runs raise RefusedInRun, GatedInRun or LogUnavailable (the model was then not called), and
    whatever the model raises. A stream raises where it turns.
    """

    def __init__(
        self, model: Model, policy: str | Path | Policy = "default", **shared: Any
    ) -> None:
        self.model = model
        self._open(policy, **shared)

    async def get_response(
        self,
        system_instructions: Any,
        input: Any,  # noqa: A002  the SDK's name
        model_settings: ModelSettings,
        tools: Any,
        *given: Any,
        **named: Any,
    ) -> ModelResponse:
        """As the model's own."""
        asked = (system_instructions, input, model_settings, tools)
        request = self._request(*asked, **named)
        try:
            return await self._service.aguard.call(
                request, lambda: self.model.get_response(*asked, *given, **named), read.output
            )
        except RequestStopped as problem:
            raise _in_run(problem) from None

    async def stream_response(
        self,
        system_instructions: Any,
        input: Any,  # noqa: A002  the SDK's name
        model_settings: ModelSettings,
        tools: Any,
        *given: Any,
        **named: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """As the model's own; events are held back until what they say is cleared."""
        asked = (system_instructions, input, model_settings, tools)

        async def begun() -> AsyncIterator[TResponseStreamEvent]:
            return self.model.stream_response(*asked, *given, **named)

        try:
            request = self._request(*asked, **named)
            stream = await self._service.aguard.stream(request, begun, raising(read.Events()))
            async with aclosing(achunks(stream)) as events:
                async for event in events:
                    yield event
        except RequestStopped as problem:
            raise _in_run(problem) from None

    async def close(self) -> None:
        """Close the model; the log stays open for others, see `shutdown`."""
        await self.model.close()

    async def _cleanup_on_run_end(self, owner: object) -> None:
        await self.model._cleanup_on_run_end(owner)

    def get_retry_advice(self, request: Any) -> Any:
        """As the model's own."""
        return self.model.get_retry_advice(request)

    def _request(
        self, instructions: Any, given: Any, settings: ModelSettings, tools: Any, **named: Any
    ) -> Request:
        asked = {
            **(settings.extra_args or {}),
            "extra_body": settings.extra_body,
            "instructions": instructions,
            "input": given,
            "tools": tools,
            "prompt": named.get("prompt"),
            "previous_response_id": named.get("previous_response_id"),
            "conversation": named.get("conversation_id"),
        }
        model = getattr(self.model, "model", "")
        name = model if isinstance(model, str) else ""
        return self._by(read.request(asked, self._image_bytes, name))


class GuardedProvider(_Shared, ModelProvider):
    """A provider whose every model is guarded.

    provider: where models come from; None: the SDK's own MultiProvider.
    policy: a shipped policy's name, a file, or a loaded Policy. log: where attempts are kept, a URL
    or a log; None: the default place. caller, conversation: a value, or a function that is asked at
    every call. guard: used instead of `policy` and `log`.
    Raises ConfigurationError when the policy or the log cannot be opened.
    """

    def __init__(
        self,
        provider: ModelProvider | None = None,
        policy: str | Path | Policy = "default",
        **shared: Any,
    ) -> None:
        self.provider = provider or MultiProvider()
        self._open(policy, **shared)

    def get_model(self, model_name: str | None) -> Model:
        """The provider's model of this name, guarded."""
        return self.guard_model(self.provider.get_model(model_name))

    def guard_model(self, model: Model) -> GuardedModel:
        """Another model with this provider's policy, log and caller."""
        guarded = GuardedModel.__new__(GuardedModel)
        guarded.model, guarded._service = model, self._service
        return guarded

    def guard_tool(
        self, tool: FunctionTool, operation: Operation = Operation.IMAGE_GENERATE
    ) -> FunctionTool:
        """A tool that makes pictures: each call of it is a request for a picture.

        operation: what a call is screened as; `image.generate` becomes `image.edit` where a picture
        is among the arguments.
        """
        own = tool.on_invoke_tool

        async def invoke(context: Any, given: str) -> Any:
            arguments = read.arguments(given)
            request = tool_request(arguments, self._image_bytes, operation, model=tool.name)
            try:
                return await self._service.aguard.call(
                    self._by(request), lambda: own(context, given), tool_output
                )
            except RequestStopped as problem:
                raise _in_run(problem) from None

        return dataclasses.replace(tool, on_invoke_tool=invoke)

    async def aclose(self) -> None:
        """Close the provider, and the log if it was opened here."""
        await self.provider.aclose()
        self.shutdown()


class Guardrails(_Shared):
    """The SDK's own guardrail hooks, over a policy; arguments as `GuardedProvider`.

    input: for `input_guardrails`; it blocks: the model is not called before it has cleared the
    input. output: for `output_guardrails`. tool_input, tool_output: for a FunctionTool's.
    Where one trips, its `output_info` is the RequestRefused or RequestGated.
    Each check is an attempt of its own in the log.
    """

    input: InputGuardrail[Any]
    output: OutputGuardrail[Any]
    tool_input: ToolInputGuardrail[Any]
    tool_output: ToolOutputGuardrail[Any]

    def __init__(self, policy: str | Path | Policy = "default", **shared: Any) -> None:
        self._open(policy, **shared)
        self.input = InputGuardrail(self._input, "guardrail", run_in_parallel=False)
        self.output = OutputGuardrail(self._output, "guardrail")
        self.tool_input = ToolInputGuardrail(self._tool_input, "guardrail")
        self.tool_output = ToolOutputGuardrail(self._tool_output, "guardrail")

    async def _input(self, context: Any, agent: Any, given: Any) -> GuardrailFunctionOutput:
        del context
        asked = {"input": given, "tools": agent.tools}
        stopped = await self._check(read.request(asked, self._image_bytes), Output())
        return GuardrailFunctionOutput(stopped, stopped is not None)

    async def _output(self, context: Any, agent: Any, said: Any) -> GuardrailFunctionOutput:
        del context, agent
        stopped = await self._check(Request(), read.final(said))
        return GuardrailFunctionOutput(stopped, stopped is not None)

    async def _tool_input(self, data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        given = data.context
        request = tool_request(
            read.arguments(given.tool_arguments), self._image_bytes, model=given.tool_name
        )
        return _told(await self._check(request, Output()))

    async def _tool_output(self, data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
        return _told(await self._check(Request(), tool_output(data.output)))

    async def _check(self, request: Request, said: Output) -> RequestStopped | None:
        async def nothing() -> Output:
            return said

        try:
            await self._service.aguard.call(self._by(request), nothing, lambda output: output)
        except RequestStopped as stopped:
            return stopped
        return None


def _told(stopped: RequestStopped | None) -> ToolGuardrailFunctionOutput:
    if stopped is None:
        return ToolGuardrailFunctionOutput.allow()
    return ToolGuardrailFunctionOutput.raise_exception(stopped)


def _in_run(problem: RequestStopped) -> RequestStopped:
    kind = RefusedInRun if isinstance(problem, RequestRefused) else GatedInRun
    return kind(problem.decision, problem.message, attempt=problem.attempt)
