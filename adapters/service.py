"""What guarded clients over one policy and one log share, whatever framework they stand in for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from guardrail.errors import ConfigurationError, RequestGated, RequestRefused, RequestStopped
from guardrail.flow import Released
from guardrail.guard import AsyncGuard, AsyncGuardedStream, Guard, GuardedStream
from guardrail.messages import message_for
from guardrail.policy import Policy
from guardrail.readers import Cutter, Ending, Failing, Recalls, StreamReader
from guardrail.records import Action, AttemptLog, AttemptOpened, Caller, Decision

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Service:
    """Both drivers over one log, and who is asking when a call does not say."""

    guard: Guard
    aguard: AsyncGuard
    caller: Callable[[], Caller] | Caller
    conversation: Callable[[], str] | str
    shutdown: Callable[[], None] | None = None

    @classmethod
    def opened(
        cls,
        policy: str | Path | Policy,
        log: str | AttemptLog | None,
        caller: Callable[[], Caller] | Caller,
        conversation: Callable[[], str] | str,
        *,
        guard: Guard | None = None,
    ) -> Self:
        """The service of `guard`, else of `policy` over `log`, which `close` then shuts down.

        log: a URL or a log; None: the default place.
        Raises ConfigurationError when the policy or the log cannot be opened.
        """
        shutdown = None
        if guard is None:
            if log is None or isinstance(log, str):
                from guardrail.log import open_log

                log = opened = open_log(log)
                shutdown = opened.shutdown
            guard = Guard(policy, log=log)
        return replace(cls.over(guard, caller, conversation), shutdown=shutdown)

    @classmethod
    def over(
        cls,
        guard: Guard,
        caller: Callable[[], Caller] | Caller,
        conversation: Callable[[], str] | str,
    ) -> Self:
        """The service that has `guard`'s policy, detectors and log."""
        return cls(guard, AsyncGuard.beside(guard), caller, conversation)

    def close(self) -> None:
        """Shut the log down, if it was opened here."""
        if self.shutdown is not None:
            self.shutdown()

    def who(self, given: Caller | None) -> Caller:
        """The caller of this call. Raises TypeError for anything but a Caller."""
        caller = given or (self.caller() if callable(self.caller) else self.caller)
        if not isinstance(caller, Caller):
            raise TypeError(f"a Caller is needed, not {type(caller).__name__}")
        return caller

    def where(self, given: str | None) -> str:
        """The conversation this call belongs to."""
        return given or (self.conversation() if callable(self.conversation) else self.conversation)


def marked(released: Released[Any]) -> Any:
    """The reply, with a note of the attempt in its `_hidden_params`, outside its data."""
    hidden = getattr(released.reply, "_hidden_params", None)
    if isinstance(hidden, dict):
        hidden["guardrail"] = note(released.attempt.opened, released.attempt.decision)
    return released.reply


def required(module: str, extra: str) -> None:
    """Make sure that an extra is there. Raises ConfigurationError that names it when it is not."""
    try:
        import_module(module)
    except ImportError as problem:
        raise ConfigurationError(
            f"{module} cannot be imported ({problem}): pip install 'likeness-guardrail[{extra}]'"
        ) from problem


class Reads(Protocol[C_contra]):
    """Reads the chunks of one stream; it may be what else `guardrail.readers` knows too."""

    def read(self, chunk: C_contra, /) -> Sequence[tuple[str, str]]:
        """As a StreamReader does."""
        ...


@dataclass(frozen=True, slots=True)
class Raising(Generic[C]):
    """A reader of a stream that is to end with an exception: its last chunk is the decision.

    It cuts, ends, fails and recalls as the reader within it does.
    """

    reader: Reads[C]

    def read(self, chunk: C | Decision) -> Sequence[tuple[str, str]]:
        """As `reader` does."""
        return self.reader.read(_said(chunk))

    def head(self, chunk: C | Decision, keep: int) -> C | None:
        """As `reader` does; None where it cannot cut."""
        return self.reader.head(_said(chunk), keep) if isinstance(self.reader, Cutter) else None

    def ended(self, chunk: C | Decision) -> Sequence[str]:
        """As `reader` does; none where it cannot tell."""
        return self.reader.ended(_said(chunk)) if isinstance(self.reader, Ending) else ()

    def failed(self, chunk: C | Decision) -> bool:
        """As `reader` does; False where it cannot tell."""
        return isinstance(self.reader, Failing) and self.reader.failed(_said(chunk))

    def recall(self, unreleased: Sequence[C | Decision]) -> None:
        """As `reader` does, where it does."""
        if isinstance(self.reader, Recalls):
            self.reader.recall([_said(chunk) for chunk in unreleased])

    def stop(self, decision: Decision) -> Decision:
        """The decision itself, which `chunks` raises."""
        return decision


def _said(chunk: C | Decision) -> C:
    if isinstance(chunk, Decision):
        raise TypeError("a decision comes from no model")
    return chunk


@dataclass(frozen=True, slots=True)
class _Plain(Generic[C]):
    """A function as a reader."""

    deltas: Callable[[C], Sequence[tuple[str, str]]]

    def read(self, chunk: C) -> Sequence[tuple[str, str]]:
        return self.deltas(chunk)


def raising(
    reader: Reads[C] | Callable[[C], Sequence[tuple[str, str]]],
) -> StreamReader[C | Decision]:
    """A stream reader over a reader, or over its function `read`, for `chunks` or `achunks`."""
    return Raising(_Plain(reader) if callable(reader) else reader)


def chunks(stream: GuardedStream[C | Decision]) -> Iterator[C]:
    """The chunks that may be shown; leaving early closes the attempt.

    Raises RequestRefused or RequestGated where the stream turns.
    """
    with stream:
        for chunk in stream:
            if isinstance(chunk, Decision):
                raise stopped(chunk, stream.attempt)
            yield chunk


async def achunks(stream: AsyncGuardedStream[C | Decision]) -> AsyncGenerator[C]:
    """As `chunks`, under asyncio; to be closed where it may be left early."""
    async with stream:
        async for chunk in stream:
            if isinstance(chunk, Decision):
                raise stopped(chunk, stream.attempt)
            yield chunk


def stopped(decision: Decision, attempt: AttemptOpened) -> RequestStopped:
    """What a caller is told of a decision that is no allowance."""
    kind = RequestRefused if decision.action is Action.REFUSE else RequestGated
    return kind(decision, message_for(decision, attempt.request.caller), attempt=attempt.id)


def note(opened: AttemptOpened, decision: Decision | None = None) -> dict[str, Any]:
    """What an application is told of an attempt beside its reply."""
    decision = decision or opened.decision
    return {
        "attempt": opened.id,
        "decision": decision.action.label,
        "obligations": list(decision.obligations),
    }
