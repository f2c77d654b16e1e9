"""What a stream's reader knows of one framework's chunks; all but the first is optional."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar, runtime_checkable

from guardrail.records import Decision

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)


class StreamReader(Protocol[C]):
    """Knows one framework's chunks. It may be any of the others here too."""

    def read(self, chunk: C) -> Sequence[tuple[str, str]]:
        """The text in a chunk as (channel, delta) pairs.

        A channel is named by its kind and by the choice it belongs to, such as `content:0`; what
        begins with `tool` is read as the arguments of a tool.
        """
        ...

    def stop(self, decision: Decision) -> C | None:
        """The last chunk of a stopped stream (`finish_reason="content_filter"`), if any."""
        ...


@runtime_checkable
class Cutter(Protocol[C]):
    """A reader that can cut a chunk, so that a stop releases all that is cleared of it."""

    def head(self, chunk: C, keep: int) -> C | None:
        """The chunk with the first `keep` code points of its texts, in the order of `read`.

        It says nothing else: not how the stream ended, nor what it cost. None where the chunk
        cannot be cut.
        """
        ...


@runtime_checkable
class Ending(Protocol[C_contra]):
    """A reader that can tell when a channel ends, so that what follows need not wait for it."""

    def ended(self, chunk: C_contra) -> Sequence[str]:
        """The channels that end with this chunk; asked after `read`. Unknown names say nothing."""
        ...


@runtime_checkable
class Failing(Protocol[C_contra]):
    """A reader that can tell when the model failed, where its server says so within the stream."""

    def failed(self, chunk: C_contra) -> bool:
        """Whether the chunk says so; asked after `read`."""
        ...


@runtime_checkable
class Recalls(Protocol[C_contra]):
    """A reader whose last chunk depends on how far the client has come."""

    def recall(self, unreleased: Sequence[C_contra], /) -> None:
        """Forget chunks that were read and of which nothing was released; called before `stop`."""
        ...
