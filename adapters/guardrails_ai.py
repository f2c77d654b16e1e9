"""guardrails-ai, both ways: our policy and detectors as validators, and validators as detectors.

    from guardrail.adapters.guardrails_ai import GuardrailPolicy

    guard = guardrails.Guard().use(GuardrailPolicy("default"))
    guard.validate(text, metadata={"guard_caller": Caller(id="u1", tier="adult")})

Importing this switches guardrails-ai's telemetry off for the process.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import cache, wraps
from itertools import chain
from pathlib import Path
from typing import Any

from guardrail.adapters._guardrails_detector import GuardrailsValidatorDetector, validator_class
from guardrail.adapters._guardrails_stream import END
from guardrail.adapters._guardrails_support import register_validator, silence
from guardrail.adapters._guardrails_validator import NoLog, On, PolicyFail, PolicyPass, Screened
from guardrail.detect import load_detectors
from guardrail.errors import ConfigurationError
from guardrail.guard import Guard
from guardrail.policy import Policy, Rule, When
from guardrail.policy.rule import PERSON_SELECTORS
from guardrail.records import Action, AttemptLog, Severity

__all__ = [
    "Disguise",
    "FoundLabel",
    "GuardrailPolicy",
    "GuardrailsValidatorDetector",
    "MinorPresent",
    "PersonPresent",
    "PolicyFail",
    "PolicyPass",
    "SexualContent",
    "Undressing",
    "ended",
    "guard_from_dict",
]

silence()
_loaded = cache(load_detectors)


@register_validator(name="guardrail/policy", data_type="string")
class GuardrailPolicy(Screened):
    """A policy as a validator: fails what is refused or gated.

    policy: a shipped policy's name, a file, a loaded Policy, or a Guard, which has its own log.
    on: what it validates, as in `Guard.use(..., on=...)`: `output`, or `messages`.
    operation: what the model is asked for, such as `chat` or `image.generate`.
    log: where each validated text is kept as an attempt, a URL or a log; None: nowhere.
    on_fail: `exception` (the default), `filter`, `refrain`, `noop` or a function; the others
        report a refused text as passed.
    Raises ConfigurationError for settings that cannot be.
    """

    def __init__(
        self,
        policy: str | Path | Policy | Guard = "default",
        *,
        on: On = "output",
        operation: str = "chat",
        log: str | AttemptLog | None = None,
        on_fail: Any = None,
    ) -> None:
        self._shutdown: Callable[[], None] | None = None
        guard = policy if isinstance(policy, Guard) else self._made(policy, log)
        if guard is policy and log is not None:
            raise ConfigurationError("a Guard has its own log: give log to the Guard")
        plain = isinstance(policy, str) and log is None
        kept = {"policy": policy} if plain else {"policy": _MADE_IN_CODE}
        super().__init__(guard, on, operation, on_fail, **kept)

    def _made(self, policy: str | Path | Policy, log: str | AttemptLog | None) -> Guard:
        if policy == _MADE_IN_CODE:
            raise ConfigurationError(
                "a validator with a log, or with a policy that was no name, cannot be rebuilt "
                "from what guardrails-ai keeps of it: make it in code"
            )
        if isinstance(log, str):
            from guardrail.log import open_log

            log = opened = open_log(log)
            self._shutdown = opened.shutdown
        return Guard(policy, log=NoLog() if log is None else log)

    def close(self) -> None:
        """Shut the log down, if it was opened here."""
        if self._shutdown is not None:
            self._shutdown()


_MADE_IN_CODE = "(made in code)"


class _Rule(Screened):
    """A validator of one rule, decided without a caller and kept in no log."""

    def __init__(self, reason: str, when: When, on: On, on_fail: Any, **kwargs: Any) -> None:
        rule = Rule(reason, Action.REFUSE, when, reason=reason)
        policy = Policy(f"guardrails-{reason}", 1, (rule,))
        guard = Guard(policy, log=NoLog(), detectors=_loaded())
        super().__init__(guard, on, "chat", on_fail, **kwargs)


@register_validator(name="guardrail/sexual", data_type="string")
class SexualContent(_Rule):
    """Fails what is sexual; at_least: `suggestive`, `nudity` or `explicit`."""

    def __init__(
        self, at_least: str = "nudity", *, on: On = "output", on_fail: Any = None, **_: str
    ) -> None:
        grades = {severity.label: severity for severity in Severity if severity}
        if at_least not in grades:
            raise ConfigurationError(f"at_least is one of {', '.join(grades)}, not {at_least!r}")
        when = When(sexual=grades[at_least])
        super().__init__("sexual", when, on, on_fail, at_least=at_least)


@register_validator(name="guardrail/persons", data_type="string")
class PersonPresent(_Rule):
    """Fails what speaks of a person.

    who: `any` (the default), `real`, `public`, `private`, `relational` or `fictional`; all but
        `any` mean somebody depicted.
    """

    def __init__(
        self, who: str = "any", *, on: On = "output", on_fail: Any = None, **_: str
    ) -> None:
        if who not in PERSON_SELECTORS:
            raise ConfigurationError(f"who is one of {', '.join(PERSON_SELECTORS)}, not {who!r}")
        super().__init__("person", When(person=frozenset({who})), on, on_fail, who=who)


@register_validator(name="guardrail/minor", data_type="string")
class MinorPresent(_Rule):
    """Fails what speaks of somebody under 18, or childlike."""

    def __init__(self, *, on: On = "output", on_fail: Any = None, **_: str) -> None:
        super().__init__("minor", When(minor=True), on, on_fail)


@register_validator(name="guardrail/undressing", data_type="string")
class Undressing(_Rule):
    """Fails what asks to take somebody's clothes off."""

    def __init__(self, *, on: On = "output", on_fail: Any = None, **_: str) -> None:
        super().__init__("undressing", When(undress=True), on, on_fail)


@register_validator(name="guardrail/disguise", data_type="string")
class Disguise(_Rule):
    """Fails what is written so as not to be read: leet, encodings, lookalikes."""

    def __init__(self, *, on: On = "output", on_fail: Any = None, **_: str) -> None:
        super().__init__("disguise", When(obfuscated=True), on, on_fail)


@register_validator(name="guardrail/label", data_type="string")
class FoundLabel(_Rule):
    """Fails what an installed detector of one's own labels, such as `acme.mascot`."""

    def __init__(self, label: str, *, on: On = "output", on_fail: Any = None, **_: str) -> None:
        super().__init__("label", When(label=frozenset({label})), on, on_fail, label=label)


def guard_from_dict(data: Mapping[str, Any], kind: Any = None) -> Any:
    """A guardrails-ai Guard from a dict, as its own `from_dict`, which drops unknown validators.

    kind: `guardrails.Guard` (the default) or `guardrails.AsyncGuard`.
    Raises ConfigurationError for a validator that is not registered.
    """
    import guardrails

    for validator in data.get("validators") or ():
        validator_class(str(validator.get("id")))
    return (kind or guardrails.Guard).from_dict(data)


def ended(llm_api: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which says when its stream is over.

    guardrails-ai tells no validator that: without it, what is held back at the end is not shown.
    What it gets as the model's raw output ends in an ETX character then, if the stream is a
    synchronous one; the validated output does not.
    """

    @wraps(llm_api)
    def call(*args: Any, messages: Any = None, **kwargs: Any) -> Iterator[Any]:
        return chain(llm_api(*args, messages=messages, **kwargs), (END,))

    @wraps(llm_api)
    async def acall(*args: Any, messages: Any = None, **kwargs: Any) -> _AsyncStream:
        return _AsyncStream(await llm_api(*args, messages=messages, **kwargs))

    return acall if inspect.iscoroutinefunction(llm_api) else call


class _AsyncStream:
    """An asynchronous stream in the shape in which guardrails-ai takes one from a function."""

    def __init__(self, stream: Any) -> None:
        inner = getattr(stream, "completion_stream", stream)
        self.completion_stream = self._ending(inner)

    async def _ending(self, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for chunk in stream:
            yield chunk
        yield ""
