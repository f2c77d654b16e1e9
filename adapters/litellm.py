"""LiteLLM behind the guard: the same functions, screened and on record.

    from guardrail.adapters.litellm import GuardedLiteLLM

    client = GuardedLiteLLM(log="sqlite:///attempts.db", api_key=...)
    client.completion(model="gpt-5", messages=[...], guard_caller=Caller(id="u1", tier="adult"))

A function that generates and is not listed here is refused with UnguardedOperation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from guardrail.adapters import _litellm_support as support
from guardrail.adapters._litellm_names import HARMLESS, ROUTER_HARMLESS
from guardrail.adapters.service import Service, marked
from guardrail.adapters.wire import asked
from guardrail.adapters.wire import replied as reply
from guardrail.adapters.wire.chunks import ChunkReader
from guardrail.adapters.wire.item_events import EventReader
from guardrail.adapters.wire.openai.errors import as_openai_error
from guardrail.errors import UnguardedOperation
from guardrail.guard import Guard
from guardrail.records import AttemptLog, Caller, Operation, Output, Request

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.adapters.wire.content import Content
    from guardrail.policy import Policy

__all__ = ["GuardedLiteLLM", "GuardedRouter", "as_openai_error"]


_NOBODY = Caller()


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one of LiteLLM's functions is read; `takes` are the arguments that `read` reads."""

    operation: Operation
    takes: frozenset[str]
    read: Callable[[Mapping[str, Any], int], Content]
    output: Callable[[Any], Output]
    reader: Callable[[], ChunkReader | EventReader] | None = None


def _picture(operation: Operation) -> _Kind:
    takes = frozenset({"prompt", "image", "mask"})
    return _Kind(operation, takes, asked.image_content, reply.images_output)


_KINDS: Mapping[str, _Kind] = {
    "completion": _Kind(
        Operation.CHAT,
        frozenset({"messages"}),
        asked.chat_content,
        reply.chat_output,
        lambda: ChunkReader(support.chat_stop, support.chat_chunk),
    ),
    "text_completion": _Kind(
        Operation.TEXT,
        frozenset({"prompt", "suffix"}),
        asked.text_content,
        reply.text_output,
        lambda: ChunkReader(support.text_stop, support.text_chunk),
    ),
    "responses": _Kind(
        Operation.CHAT,
        frozenset({"input", "instructions", "prompt"}),
        asked.responses_content,
        reply.responses_output,
        lambda: EventReader(support.responses_stop),
    ),
    "image_generation": _picture(Operation.IMAGE_GENERATE),
    "image_edit": _picture(Operation.IMAGE_EDIT),
    "image_variation": _picture(Operation.IMAGE_VARIATION),
}


class _Guarded:
    """LiteLLM's functions, each screened before the model is called and after it has answered.

    Each takes what LiteLLM's own takes, and `guard_caller` (a Caller) and `guard_conversation`
    (a str) for this call. Raises RequestRefused, RequestGated, LogUnavailable (the model was then
    not called), and whatever LiteLLM raises. A stream's refusal is raised at the call.
    """

    __slots__ = ("_defaults", "_harmless", "_service", "_target", "_title")

    _service: Service
    _target: Any
    _title: str
    _harmless: frozenset[str]
    _defaults: Mapping[str, Any]

    def completion(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.completion`; the chunks of a stream are held back until screened."""
        return self._call("completion", args, kwargs)

    async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.acompletion`."""
        return await self._acall("completion", args, kwargs)

    def text_completion(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.text_completion`."""
        return self._call("text_completion", args, kwargs)

    async def atext_completion(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.atext_completion`."""
        return await self._acall("text_completion", args, kwargs)

    def responses(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.responses`."""
        return self._call("responses", args, kwargs)

    async def aresponses(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.aresponses`."""
        return await self._acall("responses", args, kwargs)

    def image_generation(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.image_generation`."""
        return self._call("image_generation", args, kwargs)

    async def aimage_generation(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.aimage_generation`."""
        return await self._acall("image_generation", args, kwargs)

    def image_edit(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.image_edit`; the bytes screened are the bytes sent."""
        return self._call("image_edit", args, kwargs)

    async def aimage_edit(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.aimage_edit`; the bytes screened are the bytes sent."""
        return await self._acall("image_edit", args, kwargs)

    def image_variation(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.image_variation`; the bytes screened are the bytes sent."""
        return self._call("image_variation", args, kwargs)

    async def aimage_variation(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.aimage_variation`; the bytes screened are the bytes sent."""
        return await self._acall("image_variation", args, kwargs)

    def embedding(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.embedding`, passed on unscreened: nothing is generated."""
        return self._own("embedding")(*args, **self._passed_on(kwargs))

    async def aembedding(self, *args: Any, **kwargs: Any) -> Any:
        """As `litellm.aembedding`, passed on unscreened: nothing is generated."""
        return await self._own("aembedding")(*args, **self._passed_on(kwargs))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._target, name)
        if name in self._harmless or (isinstance(value, type) and issubclass(value, Exception)):
            return value
        raise UnguardedOperation(
            f"{self._title}.{name} is not screened, so it is not run through the guard: use "
            f"{', '.join(_KINDS)} or their async twins; what generates nothing can be had from "
            f"{self._title} itself"
        )

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kind, function = _KINDS[name], self._own(name)
        request, sent = self._read(kind, support.bound(function, None, args), kwargs)
        guard = self._service.guard
        if sent.get("stream") and kind.reader:
            return guard.stream(
                request, lambda: support.ClosingStream(function(**sent)), kind.reader()
            )
        return marked(guard.run(request, lambda: function(**sent), kind.output))

    async def _acall(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kind, function = _KINDS[name], self._own(f"a{name}")
        twin = getattr(self._target, name, None)
        request, sent = self._read(kind, support.bound(function, twin, args), kwargs)
        guard = self._service.aguard

        async def opened() -> support.ClosingStream:
            return support.ClosingStream(await function(**sent))

        if sent.get("stream") and kind.reader:
            return await guard.stream(request, opened, kind.reader())
        return marked(await guard.run(request, lambda: function(**sent), kind.output))

    def _read(
        self, kind: _Kind, positional: dict[str, Any], kwargs: dict[str, Any]
    ) -> tuple[Request, dict[str, Any]]:
        """What is asked, and the arguments to send: those that were screened, nothing else."""
        if twice := positional.keys() & kwargs.keys():
            raise TypeError(f"given twice: {', '.join(sorted(twice))}")
        caller = self._service.who(kwargs.pop("guard_caller", None))
        conversation = self._service.where(kwargs.pop("guard_conversation", None))
        sent = {**self._defaults, **positional, **kwargs}
        content = kind.read(sent, self._service.guard.policy.limits.image_bytes)
        asked.add_the_rest(content, sent, kind.takes, support.is_setting)
        model = str(sent.get("model") or "")
        content.pictures = content.pictures or any(
            map(support.is_picture_model, self._models(model))
        )
        request = content.request(
            kind.operation, caller=caller, conversation=conversation, model=model
        )
        return request, sent | content.sent

    def _own(self, name: str) -> Callable[..., Any]:
        function: Callable[..., Any] | None = getattr(self._target, name, None)
        if function is None:
            raise UnguardedOperation(f"{self._title} has no {name}")
        return function

    def _passed_on(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        kept = {name: kwargs[name] for name in kwargs if not name.startswith("guard_")}
        return {**self._defaults, **kept}

    def _models(self, model: str) -> list[str]:
        """The models a name stands for."""
        return [model]


class GuardedLiteLLM(_Guarded):
    """A guarded stand-in for the `litellm` module.

    policy: a shipped policy's name, a file, or a loaded Policy. log: where attempts are kept, a URL
    or a log; None: the default place. caller: who asks, when a call does not say; from the
    application's own records. guard: used instead of `policy` and `log`.
    defaults: arguments for every call, such as `api_base`.
    Raises ConfigurationError when litellm is missing or the policy or log cannot be opened.
    """

    __slots__ = ()

    def __init__(
        self,
        policy: str | Path | Policy = "default",
        *,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = _NOBODY,
        guard: Guard | None = None,
        conversation: Callable[[], str] | str = "",
        **defaults: Any,
    ) -> None:
        self._target, self._title = support.litellm(), "litellm"
        self._harmless, self._defaults = HARMLESS, defaults
        self._service = Service.opened(policy, log, caller, conversation, guard=guard)

    def guard_router(self, router: Any) -> GuardedRouter:
        """The same guard over a `litellm.Router`."""
        return GuardedRouter(router, self)

    def close(self) -> None:
        """Shut the log down, if this client opened it."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class GuardedRouter(_Guarded):
    """A guarded stand-in for a `litellm.Router`, sharing `client`'s policy, log and caller."""

    __slots__ = ()

    def __init__(self, router: Any, client: GuardedLiteLLM) -> None:
        self._target, self._title = router, "litellm.Router"
        self._harmless, self._defaults = ROUTER_HARMLESS, {}
        self._service = client._service  # noqa: SLF001  one guard over both

    def _models(self, model: str) -> list[str]:
        behind = self._target.get_model_list(model_name=model) or ()
        return [model, *(str(one["litellm_params"]["model"]) for one in behind)]
