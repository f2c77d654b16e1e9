from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.errors import RequestRefused
from guardrail.guard import Guard
from guardrail.policy.rule import HOLD_BACK
from guardrail.records import Operation, Outcome, Request, Stage
from guardrail.testing.fakes import MemoryLog
from tests.flow.conftest import Driven, Words, detectors

ASK = Request.of("write about Ann Lee")


def test_an_ordinary_stream_comes_through_whole(driven: Driven) -> None:
    chunks = ["hello "] * 40
    assert driven.stream(ASK, chunks) == chunks
    assert driven.log.closed[0].outcome is Outcome.RELEASED


def test_a_refused_request_is_refused_before_the_first_chunk(driven: Driven) -> None:
    with pytest.raises(RequestRefused):
        driven.stream(Request.of("nude Ann Lee", Operation.TEXT), ["x"])
    assert driven.called == 0


def test_a_stream_that_turns_forbidden_is_stopped(driven: Driven) -> None:
    chunks = [*(["hello "] * 40), "and nu", "de now", *(["more "] * 40)]
    released = driven.stream(ASK, chunks)
    text = "".join(released[:-1])
    assert released[-1] == "<real_person_sexual>"
    assert text == "hello " * (len(released) - 1)
    (closed,) = driven.log.closed
    assert (closed.outcome, closed.decision.stage) == (Outcome.REFUSED, Stage.STREAM)
    span = next(f.span for f in closed.decision.findings if f.label == "sexual")
    assert span is not None
    assert "".join(chunks)[span.start : span.end] == "nude"


def test_spans_of_a_long_stream_count_from_its_beginning(driven: Driven) -> None:
    chunks = [*(["hello "] * 800), "nude ", *(["more "] * 20)]
    driven.stream(ASK, chunks)
    span = next(f.span for f in driven.log.closed[0].decision.findings if f.label == "sexual")
    assert span is not None
    assert span.start == 4800


def test_a_client_that_stops_reading_leaves_a_closed_entry(driven: Driven) -> None:
    assert driven.stream(ASK, ["hello "] * 60, take=3) == ["hello "] * 3
    assert [entry.outcome for entry in driven.log.closed] == [Outcome.CANCELLED]


def test_a_stream_that_is_dropped_unread_leaves_a_closed_entry() -> None:
    log = MemoryLog()
    guard = Guard(log=log, detectors=detectors())
    stream = guard.stream(ASK, lambda: iter(["hello"]), Words())
    del stream
    gc.collect()
    assert [entry.outcome for entry in log.closed] == [Outcome.CANCELLED]


def test_a_stream_that_breaks_off_is_closed_as_failed(driven: Driven) -> None:
    def breaks() -> Iterator[str]:
        yield "hello"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        driven.stream(ASK, breaks())
    (closed,) = driven.log.closed
    assert (closed.outcome, closed.error) == (Outcome.FAILED, "ConnectionResetError")


@settings(max_examples=60, deadline=None)
@given(
    before=st.text(alphabet="abc \n", max_size=200),
    after=st.text(alphabet="abc ", max_size=100),
    cuts=st.lists(st.integers(0, 310), max_size=30),
)
def test_however_it_is_cut_nothing_forbidden_is_released(
    before: str, after: str, cuts: list[int]
) -> None:
    text = f"{before}nude{after}"
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunks = [text[a:b] for a, b in pairwise(edges)]
    log = MemoryLog()
    guard = Guard(log=log, detectors=detectors())
    *released, last = guard.stream(ASK, lambda: iter(chunks), Words())
    assert last == "<real_person_sexual>"
    shown = "".join(released)
    assert text.startswith(shown)
    assert len(shown) <= len(before)
    assert log.closed[0].outcome is Outcome.REFUSED


def test_the_first_chunk_waits_for_no_more_than_the_window() -> None:
    pulled = 0

    def chunks() -> Iterator[str]:
        nonlocal pulled
        for _ in range(1000):
            pulled += 1
            yield "word "

    guard = Guard(log=MemoryLog(), detectors=detectors())
    stream = guard.stream(ASK, chunks, Words())
    next(iter(stream))
    assert pulled * len("word ") <= 2 * HOLD_BACK
    stream.close()
