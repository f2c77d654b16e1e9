"""Streams of guardrails-ai: nothing forbidden is shown, however the text is cut."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

from guardrail.errors import ConfigurationError
from guardrail.guard import Guard
from guardrail.records import Outcome
from guardrail.testing.fakes import MemoryLog

from .cases import only
from .guardrails_cases import (
    JAPANESE,
    TURNED,
    FailResult,
    PassResult,
    ValidationError,
    Validator,
    asaying,
    astreamed,
    everything,
    guardrails,
    ours,
    quiet,
    register_validator,
    saying,
    streamed,
    using,
)

pytestmark = [*quiet]
ENGLISH = "The garden is quiet. Leaves fall, and the wind is mild today. We went for a walk. " * 2


@register_validator(name="tests/fixes", data_type="string")
class Fixes(Validator):  # type: ignore[misc]
    """Lets everything through."""

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        del metadata
        return FailResult(error_message="x", fix_value="") if value == "?" else PassResult()


@pytest.fixture
def guard(loaded: Guard, log: MemoryLog) -> Guard:
    return Guard(loaded.policy, log=log, detectors=loaded.detectors)


def cut(text: str, seed: int) -> Iterator[str]:
    rng, at = random.Random(seed), 0  # noqa: S311  where a text is cut
    while at < len(text):
        size = rng.choice((1, 2, 3, 8, 30))
        yield text[at : at + size]
        at += size


async def shown_of(own: Any, llm: Any) -> tuple[str, bool]:
    """What was shown, and whether the stream was stopped."""
    shown: list[str] = []
    try:
        if isinstance(own, guardrails.AsyncGuard):
            async for piece in astreamed(own, llm):
                shown.append(piece)  # noqa: PERF401  what came before the error is what is asked
        else:
            for piece in streamed(own, llm):
                shown.append(piece)  # noqa: PERF402  as above
    except ValidationError:
        return "".join(shown), True
    return "".join(shown), False


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("text", [JAPANESE, ENGLISH])
async def test_a_good_text_is_shown_whole(
    guard: Guard, log: MemoryLog, text: str, seed: int
) -> None:
    own = using(ours.GuardrailPolicy(guard))
    assert await shown_of(own, ours.ended(saying(cut(text, seed)))) == (text, False)
    assert only(log).outcome is Outcome.RELEASED
    assert text in own.history.last.model_dump_json()


@pytest.mark.parametrize("seed", range(4))
async def test_a_text_that_turns_is_stopped(guard: Guard, log: MemoryLog, seed: int) -> None:
    own = using(ours.GuardrailPolicy(guard))
    shown, stopped = await shown_of(own, ours.ended(saying(cut(TURNED, seed))))
    assert stopped
    assert JAPANESE.startswith(shown)
    assert only(log).outcome is Outcome.REFUSED
    assert "スウィフト" in "".join(TURNED[s.start : s.end] for s in own.error_spans_in_output())
    assert "海辺" not in repr([log.decision for log in log.closed])


@pytest.mark.parametrize("seed", range(3))
async def test_asynchronous_streams_do_the_same(guard: Guard, log: MemoryLog, seed: int) -> None:
    own = guardrails.AsyncGuard().use(ours.GuardrailPolicy(guard))
    good = await shown_of(own, ours.ended(asaying(cut(JAPANESE, seed))))
    assert good == (JAPANESE, False)
    shown, stopped = await shown_of(own, ours.ended(asaying(cut(TURNED, seed))))
    assert stopped
    assert JAPANESE.startswith(shown)
    assert [entry.outcome.value for entry in log.closed] == ["released", "refused"]


async def test_a_text_without_an_end_shows_nothing_unscreened(guard: Guard) -> None:
    own = using(ours.GuardrailPolicy(guard))
    shown, stopped = await shown_of(own, saying(cut(JAPANESE, 1)))
    assert not stopped
    assert JAPANESE.startswith(shown)
    assert 0 < len(shown) < len(JAPANESE)


async def test_a_stream_that_goes_on_after_an_empty_chunk_is_read_with_what_came_before(
    guard: Guard,
) -> None:
    validator = ours.GuardrailPolicy(guard)
    own = guardrails.AsyncGuard().use(validator)
    chunks = ["", "This is about Taylor Swift.", "", " She is nude", " in it.", ""]
    assert await shown_of(own, asaying(chunks)) == ("This is about Taylor Swift.", True)


async def test_streams_on_one_instance_keep_apart(guard: Guard, log: MemoryLog) -> None:
    own = using(ours.GuardrailPolicy(guard))
    one = streamed(own, ours.ended(saying(cut("A picture of Taylor Swift, in " * 4, 1))))
    other = streamed(own, ours.ended(saying(cut("a nude statue of marble, in " * 4, 2))))
    shown: tuple[list[str], list[str]] = [], []
    shown[0].extend(next(one) for _ in range(8))
    with pytest.raises(ValidationError, match=r"\[\w+_required\]") as raised:
        shown[1].extend(other)
    assert "real_person" not in str(raised.value)
    shown[0].extend(one)
    assert "".join(shown[0]) == "A picture of Taylor Swift, in " * 4
    assert len(log.opened) == 2


async def test_many_asynchronous_streams_on_one_instance_keep_apart(guard: Guard) -> None:
    own = guardrails.AsyncGuard().use(ours.GuardrailPolicy(guard))
    texts = [JAPANESE, TURNED] * 4
    runs = [shown_of(own, ours.ended(asaying(cut(text, seed)))) for seed, text in enumerate(texts)]
    for text, (shown, stopped) in zip(texts, await asyncio.gather(*runs), strict=True):
        assert stopped is (text == TURNED)
        assert JAPANESE.startswith(shown) if stopped else shown == JAPANESE


def test_a_stream_left_leaves_nothing_for_the_next(guard: Guard, log: MemoryLog) -> None:
    own = using(ours.GuardrailPolicy(guard))
    left = streamed(own, ours.ended(saying(["Taylor Swift", " without", " any"])))
    next(left)
    del left
    pieces = streamed(own, ours.ended(saying(["clothes", " in the garden."])))
    assert "".join(pieces) == "clothes in the garden."
    assert log.closed[-1].outcome is Outcome.RELEASED


async def test_watching_shows_all_and_tells(loaded: Guard) -> None:
    own = using(ours.GuardrailPolicy(loaded, on_fail="noop"))
    assert await shown_of(own, saying(cut(TURNED, 3))) == (TURNED, False)
    assert "real_person_sexual" in everything(own)


def test_actions_that_stop_no_stream_are_errors(loaded: Guard) -> None:
    own = using(ours.GuardrailPolicy(loaded, on_fail="refrain"))
    with pytest.raises(ConfigurationError, match="stops no stream"):
        next(streamed(own, saying(["a garden"])))


def test_a_stream_that_cannot_be_held_back_is_an_error(loaded: Guard) -> None:
    own = guardrails.Guard().use(ours.GuardrailPolicy(loaded), Fixes(on_fail="fix"))
    with pytest.raises(ConfigurationError, match="on_fail=fix"):
        next(streamed(own, saying(["a garden"])))


async def test_two_of_ours_in_one_guard_each_keep_their_stream() -> None:
    own = guardrails.Guard().use(ours.MinorPresent(), ours.SexualContent())
    good = await shown_of(own, ours.ended(saying(cut(ENGLISH, 5))))
    assert good == (ENGLISH, False)
    text = ENGLISH + "and then a nude woman" + ENGLISH
    shown, stopped = await shown_of(own, ours.ended(saying(cut(text, 5))))
    assert stopped
    assert ENGLISH.startswith(shown)
