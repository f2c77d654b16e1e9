"""guardrails-ai itself: imported once, its telemetry off, and what `metadata=` says of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from guardrail.adapters.wire import asked
from guardrail.adapters.wire.content import Content
from guardrail.errors import ConfigurationError, InputError
from guardrail.records import Caller, Jurisdiction, Operation, Output, Request

if TYPE_CHECKING:

    class Validator:
        """What is used of `guardrails.validator_base.Validator`, which has no types."""

        rail_alias: str
        validate: Any

        def __init__(self, on_fail: Any = None, **kwargs: Any) -> None: ...

    class _Result:
        def __init__(self, **fields: Any) -> None: ...

    class ErrorSpan(_Result):
        """Where in the validated text something is."""

    class FailResult(_Result):
        """A text that does not pass."""

        error_spans: list[Any] | None

    class PassResult(_Result):
        """A text that passes."""

    get_validator_class: Any
    register_validator: Any
    OnFailAction: Any
else:
    try:
        from guardrails.types.on_fail import OnFailAction
        from guardrails.validator_base import (
            ErrorSpan,
            FailResult,
            PassResult,
            Validator,
            get_validator_class,
            register_validator,
        )
    except ImportError as error:
        raise ConfigurationError(
            "guardrails-ai is needed: pip install 'likeness-guardrail[guardrails]'"
        ) from error

__all__ = [
    "ErrorSpan",
    "FailResult",
    "OnFailAction",
    "PassResult",
    "Validator",
    "get_validator_class",
    "input_of",
    "output_of",
    "register_validator",
    "request_of",
    "silence",
]

CALLER, CONVERSATION, MESSAGES = "guard_caller", "guard_conversation", "guard_messages"


def silence() -> None:
    """Take from guardrails-ai, for this process, the tracer by which it reports its use.

    Its setting is read again whenever a Guard is made; a tracer that is gone stays gone.
    Raises ConfigurationError where it cannot be taken.
    """
    from guardrails.utils.hub_telemetry_utils import HubTelemetry

    hub = HubTelemetry(enabled=False)
    provider = getattr(hub, "_tracer_provider", None)
    if provider is None or not hasattr(hub, "_tracer") or HubTelemetry() is not hub:
        raise ConfigurationError(
            "the telemetry of this guardrails-ai cannot be switched off from here: put "
            "enable_metrics=false into ~/.guardrailsrc and install guardrails-ai 0.11"
        )
    provider.shutdown()
    hub._enabled, hub._tracer = False, None  # noqa: SLF001  it has no other switch


def input_of(
    value: object, metadata: Mapping[str, Any], operation: Operation, limit_bytes: int
) -> Request:
    """The request that a validated message, or prompt, is part of."""
    content = _messages(metadata, limit_bytes)
    if all(part.text != value for part in content.parts):
        content.everything(value, origin="prompt")
    return _asked(content, metadata, operation)


def output_of(value: object, limit_bytes: int) -> Output:
    """What a validated output says."""
    content = Content(limit_bytes)
    content.everything(value, "assistant", "output")
    return Output(tuple(content.parts), tuple(content.images), problem=content.problem)


def request_of(metadata: Mapping[str, Any], operation: Operation, limit_bytes: int) -> Request:
    """The request behind an output, as far as the application tells."""
    return _asked(_messages(metadata, limit_bytes), metadata, operation)


def _messages(metadata: Mapping[str, Any], limit_bytes: int) -> Content:
    if MESSAGES not in metadata:
        return Content(limit_bytes)
    return asked.chat_content({"messages": metadata[MESSAGES]}, limit_bytes)


def _asked(content: Content, metadata: Mapping[str, Any], operation: Operation) -> Request:
    conversation = metadata.get(CONVERSATION, "")
    if not isinstance(conversation, str):
        raise InputError(f"metadata[{CONVERSATION!r}] is no string")
    caller = _caller(metadata.get(CALLER, Caller()))
    return content.request(operation, caller=caller, conversation=conversation)


def _caller(given: object) -> Caller:
    """A caller as such, or as a mapping of its fields, the jurisdiction as a code or a mapping."""
    if isinstance(given, Caller):
        return given
    known = {field.name for field in fields(Caller)}
    if not isinstance(given, Mapping) or not known.issuperset(given):
        raise InputError(f"metadata[{CALLER!r}] is neither a Caller nor a mapping of its fields")
    where = given.get("jurisdiction", "")
    place = Jurisdiction(**where) if isinstance(where, Mapping) else Jurisdiction(where)
    caller = Caller(**{**given, "jurisdiction": place})
    if not isinstance(caller.age_verified, bool) or not isinstance(caller.tier, str):
        raise InputError(f"metadata[{CALLER!r}]: tier is a string, age_verified true or false")
    return caller
