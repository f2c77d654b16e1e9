"""LangChain tools that make pictures, behind the guard."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import PrivateAttr

from guardrail.adapters._loose import tool_output, tool_request
from guardrail.adapters.service import Service
from guardrail.records import AttemptLog, Caller, Operation, Output, Request

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.guard import Guard
    from guardrail.policy import Policy

_NOBODY = Caller()


def guard_tool(  # noqa: PLR0913  one keyword for each thing a client may set
    tool: BaseTool | Callable[..., Any],
    policy: str | Path | Policy = "default",
    *,
    operation: Operation = Operation.IMAGE_GENERATE,
    log: str | AttemptLog | None = None,
    caller: Callable[[], Caller] | Caller = _NOBODY,
    conversation: Callable[[], str] | str = "",
    guard: Guard | None = None,
) -> BaseTool:
    """A tool, or a function, that makes pictures: each call of it is a request for a picture.

    operation: what a call is screened as; `image.generate` becomes `image.edit` where a picture is
    among the arguments. The rest: as `GuardedChatModel`.
    Its calls raise RequestRefused, RequestGated, LogUnavailable, and whatever the tool raises.
    """
    if not isinstance(tool, BaseTool):
        is_async = inspect.iscoroutinefunction(tool)
        plain, coroutine = (None, tool) if is_async else (tool, None)
        tool = StructuredTool.from_function(plain, coroutine)
    service = Service.opened(policy, log, caller, conversation, guard=guard)
    return _GuardedTool(tool, operation, service)


class _GuardedTool(BaseTool):
    """A tool whose arguments and results are screened."""

    tool: BaseTool
    operation: Operation
    _service: Service = PrivateAttr()

    def __init__(self, tool: BaseTool, operation: Operation, service: Service) -> None:
        own = {name: getattr(tool, name) for name in BaseTool.model_fields}
        super().__init__(**{**own, "tool": tool, "operation": operation})
        self._service = service

    def get_input_schema(self, config: RunnableConfig | None = None) -> Any:
        """As the tool's own."""
        return self.tool.get_input_schema(config)

    def _run(
        self, *args: Any, config: RunnableConfig, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        given = _taken(self.tool._run, config, run_manager)
        return self._service.guard.call(
            self._request(args, kwargs),
            lambda: self.tool._run(*args, **kwargs, **given),
            self._output,
        )

    async def _arun(
        self, *args: Any, config: RunnableConfig, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        own = type(self.tool)._arun is not BaseTool._arun
        given = _taken(self.tool._arun if own else self.tool._run, config, run_manager)
        return await self._service.aguard.call(
            self._request(args, kwargs),
            lambda: self.tool._arun(*args, **kwargs, **given),
            self._output,
        )

    def _request(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
        service = self._service
        arguments = {**{str(place): value for place, value in enumerate(args)}, **kwargs}
        return tool_request(
            arguments, service.guard.policy.limits.image_bytes, self.operation,
            caller=service.who(None), conversation=service.where(None), model=self.tool.name,
        )  # fmt: skip

    def _output(self, result: Any) -> Output:
        return tool_output(result)


def _taken(function: Callable[..., Any], config: RunnableConfig, manager: Any) -> dict[str, Any]:
    """What LangChain hands to a tool beside its arguments, as far as this one takes it."""
    taken = inspect.signature(function).parameters
    given = {"config": config, "run_manager": manager}
    return {name: value for name, value in given.items() if name in taken}
