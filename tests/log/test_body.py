from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.entry import MAX_BODY, read_body
from guardrail.chain.entry import canonical as any_canonical
from guardrail.log.body import closed_body, opened_body
from guardrail.log.fragments import canonical, plain
from guardrail.records import (
    Action,
    Caller,
    Decision,
    Facts,
    Finding,
    Jurisdiction,
    Kind,
    Outcome,
    Person,
    Request,
    Requirement,
    Role,
    Scan,
    Span,
    TextPart,
)
from tests.log.support import (
    ALLOW,
    GATE,
    POLICY,
    REFUSE,
    SEXUAL,
    closed,
    opened,
    output_refusal,
    picture,
    request,
)

COMMITMENTS = {"prompt_hash": "ab" * 32, "user": "cd" * 32}

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), _values, max_size=4))
def test_canonical_json_round_trips_and_does_not_depend_on_order(value: dict[str, object]) -> None:
    text = canonical(value)  # type: ignore[arg-type]
    assert json.loads(text) == value
    assert canonical(dict(reversed(value.items()))) == text  # type: ignore[arg-type]
    assert canonical(json.loads(text)) == text


def test_canonical_json_has_no_white_space_and_no_needless_escapes() -> None:
    assert canonical({"b": [1, None], "a": "é\n"}) == '{"a":"é\\n","b":[1,null]}'


# The anything-goes request: what clients and detectors might send, lone surrogates included.
_any_text = st.text(st.characters(), max_size=12)
_spans = st.builds(
    lambda part, start, size: Span(part, start, start + size), *[st.integers(0, 9)] * 3
)
_findings = st.builds(
    Finding,
    detector=_any_text,
    version=_any_text,
    label=_any_text.map(lambda text: f"x.{text}"),
    value=_any_text,
    span=st.none() | _spans,
    score=st.floats(0, 1),
    role=st.none() | st.sampled_from(Role),
)
_persons = st.builds(
    Person,
    kind=st.sampled_from(Kind),
    role=st.sampled_from(Role),
    score=st.floats(),
    span=st.none() | _spans,
)
_facts = st.builds(
    Facts,
    persons=st.tuples(_persons),
    obfuscated=st.frozensets(_any_text, max_size=2),
    intent=_any_text,
    labels=st.frozensets(_any_text, max_size=2),
    unscanned=st.just(frozenset({"sexual"})),
)
_scans = st.builds(
    Scan,
    detector=_any_text,
    version=_any_text,
    provides=st.just(frozenset({"sexual"})),
    status=st.sampled_from(["ok", "error"]),
    findings=st.tuples(_findings),
    ms=st.floats(),
    problem=_any_text,
)
_callers = st.builds(
    Caller,
    id=_any_text,
    tier=_any_text,
    app=_any_text,
    jurisdiction=st.builds(Jurisdiction, _any_text, _any_text),
)
_requests = st.builds(
    Request,
    parts=st.tuples(st.builds(TextPart, _any_text)),
    caller=_callers,
    conversation=_any_text,
    model=_any_text,
    problem=_any_text,
)
_decisions = st.builds(
    Decision,
    action=st.sampled_from(Action),
    rule=_any_text,
    reason=_any_text,
    policy=st.just(POLICY),
    rules=st.tuples(_any_text),
    requirement=st.none() | st.builds(Requirement, st.tuples(_any_text), st.booleans()),
)


def read(body: str) -> dict[str, Any]:
    return read_body(body.encode())


@given(_requests, _decisions, _facts, _scans, _any_text)
def test_anything_becomes_canonical_utf8(
    asked: Request, decision: Decision, facts: Facts, seen: Scan, error: str
) -> None:
    entry = opened(decision, facts, asked=asked)
    end = closed(entry, Outcome.FAILED, error=error, scans=(seen,))
    for text in (opened_body(entry, COMMITMENTS), closed_body(end, COMMITMENTS)):
        assert text.encode() == any_canonical(read_body(text.encode()))


@given(st.text(st.characters(codec="utf-8"), max_size=40).map(lambda text: f"zq {text}"))
def test_no_text_and_no_ids_are_in_it(secret: str) -> None:
    asked = request(secret, user=secret, conversation=secret)
    seen = Finding(detector="acme", version="1", label="acme.words", value=f"the {secret}")
    leaking = Scan("acme", "1", frozenset({"labels"}), "error", (seen,), problem=f"no {secret}")
    end = closed(
        opened(asked=asked), decision=output_refusal(), scans=(leaking,), error=f"E {secret}"
    )
    text = closed_body(end, COMMITMENTS)
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in text


def test_an_opening() -> None:
    asked = request(images=(picture(),), conversation="c1", model="image-1")
    entry = opened(GATE, SEXUAL, asked=asked, id="a1", at=1_768_521_600_000_000_001)
    body = read(opened_body(entry, COMMITMENTS))
    assert body["id"] == "a1"
    assert body["at"] == "2026-01-16T00:00:00.000000001Z"
    assert body["operation"] == "image.generate"
    assert body["jurisdiction"] == {"code": "JP", "source": "billing", "confidence": 1}
    assert body["commitments"] == COMMITMENTS
    assert not {"user", "conversation", "prompt_hash", "images"} & body.keys()
    assert body["images_total"] == 1
    assert body["parts"] == {"count": 2, "characters": 25, "lengths": [7, 18]}
    assert body["policy"] == str(POLICY)
    assert isinstance(body["facts"], dict)
    assert body["facts"]["sexual"] == {
        "severity": "nudity",
        "score": 0.97,
        "span": {"part": 0, "start": 0, "end": 4},
    }
    assert body["findings"] == [
        {
            "detector": "sexual.lexicon",
            "version": "1",
            "label": "sexual",
            "value": "nudity",
            "score": 0.97,
            "part": 1,
            "start": 2,
            "end": 8,
        }
    ]


def test_an_end_carries_an_opening_that_was_not_kept() -> None:
    plain_one, flagged = opened(ALLOW), opened(REFUSE)
    end = closed(plain_one, Outcome.REFUSED, decision=output_refusal())
    late = read(closed_body(end, COMMITMENTS))
    assert late["opened"] == read(opened_body(plain_one, COMMITMENTS))
    assert late["stage"] == "output"
    assert late["ms"] == 2.5
    assert "opened" not in read(closed_body(closed(flagged), None))


def test_a_body_fits_a_bundle_whatever_comes() -> None:
    many = tuple(
        Finding(
            detector="d" * 64, version="v" * 64, label="l" * 64, value="v" * 64, span=Span(n, n, n)
        )
        for n in range(3000)
    )
    people = (Person(Kind.PUBLIC, Role.DEPICTED, 0.123456, Span(1, 1000, 2000)),) * 3000
    seen = (Scan("d" * 64, "v" * 64, frozenset(), "ok", many, problem="p" * 64),) * 20
    facts = Facts(persons=people)
    asked = Request(
        parts=(TextPart("x" * 1000),) * 5000, images=(picture(),) * 500, model="m" * 999
    )
    entry = opened(ALLOW, facts, asked=asked)
    end = closed(entry, Outcome.REFUSED, decision=output_refusal(), facts=facts, scans=seen)
    body = closed_body(end, COMMITMENTS)
    assert len(body.encode()) <= MAX_BODY
    assert read(body)["findings_total"] == 3000


def test_plain_text_is_one_line() -> None:
    assert plain("a\x1b[31m\nb\x00\x85") == "a [31m b  "
    assert plain("x" * 300) == "x" * 200
    assert plain("日本") == "日本"
