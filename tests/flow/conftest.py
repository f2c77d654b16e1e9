from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from guardrail.detect.base import Detector, Document
from guardrail.guard import AsyncGuard, Guard
from guardrail.records import (
    Decision,
    FactName,
    Finding,
    Kind,
    Output,
    Request,
    Role,
    Span,
    TextPart,
)
from guardrail.testing.fakes import MemoryLog, ScriptedDetector

CORE: tuple[FactName, ...] = ("sexual", "minor", "persons", "edit")


def sees(word: str, **fields: Any) -> Callable[[Document], Iterable[Finding]]:
    """A script that reports a finding wherever a word stands."""

    def script(document: Document) -> Iterable[Finding]:
        for index, part, _ in document.new_parts():
            start = part.text.find(word)
            if start >= 0:
                span = Span(index, start, start + len(word))
                yield Finding(detector="scripted", version="1", span=span, **fields)

    return script


def nudity() -> ScriptedDetector:
    return ScriptedDetector(
        "sexual", frozenset({"sexual"}), sees("nude", label="sexual", value="nudity", score=0.9)
    )


def persons() -> ScriptedDetector:
    script = sees("Ann Lee", label="person", value=Kind.PRIVATE, role=Role.DEPICTED, name=True)
    return ScriptedDetector("persons", frozenset({"persons"}), script, cost=50.0)


def others() -> ScriptedDetector:
    return ScriptedDetector("others", frozenset({"minor", "edit", "labels"}))


def detectors() -> list[Detector]:
    return [nudity(), persons(), others()]


def read(reply: str) -> Output:
    return Output((TextPart(reply, "assistant", "output"),))


class Words:
    """A reader of streams whose chunks are plain strings."""

    def read(self, chunk: str) -> Sequence[tuple[str, str]]:
        return [("content", chunk)]

    def stop(self, decision: Decision) -> str | None:
        return f"<{decision.reason}>"


@dataclass
class Driven:
    """One interface over both drivers, so that every test runs on both."""

    kind: Literal["sync", "async"]
    log: MemoryLog = field(default_factory=MemoryLog)
    called: int = 0

    def call(self, request: Request, reply: Callable[[], str], **options: Any) -> str:
        options.setdefault("detectors", detectors())
        reader = options.pop("read", read)

        def model() -> str:
            self.called += 1
            return reply()

        async def amodel() -> str:
            return model()

        answer: str
        if self.kind == "sync":
            answer = Guard(log=self.log, **options).call(request, model, reader)
        else:
            answer = asyncio.run(AsyncGuard(log=self.log, **options).call(request, amodel, reader))
        return answer

    def stream(self, request: Request, chunks: Iterable[str], take: int | None = None) -> list[str]:
        def model() -> Iterable[str]:
            self.called += 1
            return chunks

        if self.kind == "sync":
            guard = Guard(log=self.log, detectors=detectors())
            with guard.stream(request, model, Words()) as stream:
                return [chunk for chunk, _ in zip(stream, range(take or 10**6), strict=False)]

        async def consume() -> list[str]:
            async def amodel() -> AsyncIterator[str]:
                async def generate() -> AsyncIterator[str]:
                    for chunk in model():
                        yield chunk

                return generate()

            guard = AsyncGuard(log=self.log, detectors=detectors())
            released: list[str] = []
            async with await guard.stream(request, amodel, Words()) as stream:
                async for chunk in stream:
                    released.append(chunk)
                    if take is not None and len(released) >= take:
                        break
            return released

        return asyncio.run(consume())


@pytest.fixture(params=["sync", "async"])
def driven(request: pytest.FixtureRequest) -> Driven:
    return Driven(request.param)
