"""What answers prove, and what they do not."""

from __future__ import annotations

import json

import pytest

from guardrail.adapters.wire.anthropic.dialect import DIALECT as ANTHROPIC
from guardrail.adapters.wire.codec import Dialect
from guardrail.adapters.wire.gemini.dialect import DIALECT as GEMINI
from guardrail.adapters.wire.http import Reply
from guardrail.adapters.wire.openai.dialect import DIALECT as OPENAI
from guardrail.errors import RequestGated, RequestRefused
from guardrail.probe import judge
from guardrail.probe.answer import Answer
from guardrail.probe.judge import Seen
from guardrail.probe.logbook import Found
from guardrail.probe.plan import MARKER
from guardrail.records import Action, Decision, PolicyRef, Stage

POLICY = PolicyRef("default", 1, "ab" * 32)
FINE = Answer(200, (), b'{"text": "ok"}')
CLOSED = Found(1, "a1", "refused")


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, reply.headers, reply.body)


def _refused(dialect: Dialect = OPENAI, stage: Stage = Stage.INPUT) -> Answer:
    decision = Decision(Action.REFUSE, "r", "real_person_sexual", POLICY, stage)
    return _answer(dialect.stopped(RequestRefused(decision, "No.", attempt="a1")))


def _failed(status: int, code: str) -> Answer:
    return _answer(OPENAI.failed(status, code, "It failed."))


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC, GEMINI], ids=["openai", "claude", "gemini"])
def test_a_refusal_is_known_in_every_protocol(dialect: Dialect) -> None:
    answer = _refused(dialect)
    assert answer.stopped
    assert not answer.after_model
    assert (answer.attempt, answer.told) == ("a1", "400 moderation_blocked")
    assert judge.screened_in(FINE, Seen(answer)).state == "yes"
    late = judge.screened_in(FINE, Seen(_refused(dialect, Stage.OUTPUT)))
    assert late.holes == (judge.LATE,)
    unguarded = _answer(dialect.failed(404, "unguarded_operation", "No."))
    assert unguarded.unguarded
    assert not unguarded.stopped


@pytest.mark.parametrize(
    ("benign", "forbidden", "why"),
    [
        (_refused(), _refused(), "the benign request is refused too"),
        (Answer(404), Answer(404), "it has no such route (404)"),
        (Answer(401), Answer(401), "not let in (401)"),
        (Answer(502), Answer(502), "the benign request fails likewise (502)"),
        (FINE, _failed(503, "log_unavailable"), "its attempt log cannot be written to"),
        (
            FINE,
            _failed(400, "content_policy"),
            "refused, though not by Guardrail (400 content_policy)",
        ),
        (FINE, Answer(0, problem="it did not end"), "it did not end"),
    ],
)
def test_what_proves_nothing_says_why(benign: Answer, forbidden: Answer, why: str) -> None:
    part = judge.screened_in(benign, Seen(forbidden))
    assert (part.state, part.holes, part.why) == ("not proved", (), (why,))


def test_a_twin_that_is_gated_is_told_apart() -> None:
    decision = Decision(Action.GATE, "r", "age_verification_required", POLICY)
    gated = _answer(OPENAI.stopped(RequestGated(decision, "No.", attempt="a2")))
    assert gated.stopped
    assert judge.screened_in(gated, Seen(_refused())).state == "yes"
    assert judge.screened_in(gated, Seen(gated)).state == "not proved"


def test_what_came_to_the_model_is_a_hole_whatever_was_answered() -> None:
    assert judge.screened_in(FINE, Seen(FINE)).holes == (judge.ANSWERED,)
    assert judge.screened_in(FINE, Seen(FINE, reached=True)).holes == (judge.SENT,)
    assert judge.screened_in(FINE, Seen(_refused(), reached=True)).holes == (judge.REACHED,)
    assert judge.screened_in(Answer(502), Seen(Answer(502), reached=True)).holes == (judge.SENT,)


@pytest.mark.parametrize(
    ("found", "state", "holes"),
    [
        (CLOSED, "yes", ()),
        (Found(1, "a1", "gated"), "yes", ()),
        (Found(0), "no", (judge.UNLOGGED,)),
        (Found(1, "a1"), "no", (judge.OPEN,)),
        (Found(1, "a1", "released"), "no", (judge.OTHERWISE,)),
        (Found(2), "not proved", ()),
        (None, "not proved", ()),
    ],
)
def test_what_the_log_says(found: Found | None, state: str, holes: tuple[str, ...]) -> None:
    part = judge.logged(Seen(_refused(), found=found))
    assert (part.state, part.holes) == (state, holes)


def test_a_log_that_says_that_the_model_was_called() -> None:
    found = Found(1, "a1", "refused", model_called=True)
    assert judge.uncalled(Seen(_refused(), found=found)).holes == (judge.REACHED,)
    assert judge.uncalled(Seen(_refused(), found=CLOSED)).holes == ()


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (Seen(_failed(404, "unguarded_operation")), "yes"),
        (Seen(Answer(404), reached=False), "yes"),
        (Seen(Answer(404)), "not proved"),
        (Seen(Answer(404), reached=True), "no"),
        (Seen(FINE, reached=False), "no"),
        (Seen(Answer(0, problem="gone")), "not proved"),
    ],
)
def test_an_unknown_route(seen: Seen, state: str) -> None:
    assert judge.unknown(seen).state == state


def test_a_websocket() -> None:
    assert judge.shut(Answer(101)).holes == (judge.SOCKET,)
    assert judge.shut(Answer(403)).state == "yes"
    assert judge.shut(Answer(0, problem="gone")).state == "not proved"


def _stream(*pieces: str, finish: str = "stop") -> Answer:
    deltas = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    events = [*deltas, {"choices": [{"delta": {}, "finish_reason": finish}]}]
    lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return Answer(200, (("x-guardrail-attempt", "a1"),), f"{lines}data: [DONE]\n\n".encode())


def test_words_are_found_across_the_pieces_of_a_stream() -> None:
    pieces = [MARKER[at : at + 3] for at in range(0, len(MARKER), 3)]
    whole = Seen(_stream(*pieces), reached=True, found=CLOSED)
    part = judge.screened_out([("text", whole)], MARKER, stream=True)
    assert part.holes == ("text released before screening",)
    cut = Seen(_stream(*pieces[:4], finish="content_filter"), reached=True, found=CLOSED)
    assert judge.screened_out([("text", cut)], MARKER, stream=True).state == "yes"
    unlogged = Seen(cut.answer, reached=True, found=Found(0))
    part = judge.screened_out([("text", unlogged)], MARKER, stream=True)
    assert part.holes == ("text held back: no entry in the log",)


def test_what_was_merely_lost_proves_nothing() -> None:
    lost = judge.screened_out([("reasoning", Seen(FINE, reached=True))], MARKER, stream=False)
    assert lost.state == "not proved"
    elsewhere = judge.screened_out([("text", Seen(FINE, reached=False))], MARKER, stream=False)
    assert elsewhere.why == ("text: its replies do not come from the stand-in",)


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b"\xff\xfe", b"data: \n\ndata: {", b"null"])
def test_an_answer_may_be_anything(body: bytes) -> None:
    for status in (0, 200, 400, 500):
        answer = Answer(status, (), body)
        assert not answer.stopped
        assert not answer.cut
        assert not answer.says(MARKER)
        assert (answer.attempt, answer.code) == ("", "")
