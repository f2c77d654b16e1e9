"""An answer is one of those that were asked for, or none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.adapters.judge.answers import read, read_scores
from guardrail.adapters.judge.families import family
from guardrail.detect.second.opinion import BadAnswer

CHECK = "0123456789abcdef"


def told(name: str, said: str) -> set[str]:
    return {m for m, score in read(family(name), said, CHECK).items() if score == 1.0}


def verdict(**changed: object) -> str:
    return json.dumps({"check": CHECK, "verdict": "none", "minor": False, **changed})


@pytest.mark.parametrize("name", ["chat", "gpt-oss-safeguard"])
def test_json(name: str) -> None:
    assert told(name, verdict()) == {"none"} - {"none"}
    assert told(name, verdict(verdict="suggestive")) == {"suggestive"}
    assert told(name, f" {verdict(verdict='nudity')}\n") == {"nudity"}
    assert told(name, verdict(verdict="explicit", minor=True)) == {"explicit", "minor"}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "none",
        "null",
        "[]",
        "I'm sorry, but I can't help with that.",
        verdict(check="0" * 16),
        verdict(check=None),
        verdict(verdict="safe"),
        verdict(verdict=["none"]),
        verdict(verdict=None),
        verdict(minor="false"),
        verdict(minor=0),
        verdict(minor=True),
        verdict(why="it says so"),
        json.dumps({"check": CHECK, "verdict": "none"}),
        f"```json\n{verdict()}\n```",
        f"{verdict()}\n{verdict(verdict='nudity')}",
        f"Here it is: {verdict()}",
        f'{{"check": "{CHECK}", "verdict": "nudity", "verdict": "none", "minor": false}}',
        verdict()[:-1],
        verdict().replace("false", "NaN"),
        "[" * 100_000,
        "\ufeff" + verdict(),
    ],
)
def test_json_that_is_no_answer(said: str) -> None:
    with pytest.raises(BadAnswer):
        told("chat", said)


@pytest.mark.parametrize(
    ("said", "meanings"),
    [
        ("safe", set()),
        ("\n\nsafe", set()),
        ("\n\nunsafe\nS12", {"nudity"}),
        ("unsafe\nS3,S12", {"nudity"}),
        ("unsafe\r\nS4", {"minor"}),
        ("unsafe\nS1, S4, S12\n", {"minor", "nudity"}),
        ("unsafe\nS1", set()),
    ],
)
def test_llama_guard(said: str, meanings: set[str]) -> None:
    assert told("llama-guard", said) == meanings


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Safe",
        "safe.",
        "safe safe",
        "safe\nunsafe\nS12",
        "unsafe",
        "unsafe\n",
        "unsafe\nsafe",
        "unsafe\nS0",
        "unsafe\nS15",
        "unsafe\nS1 S2",
        "unsafe S12",
        "not safe",
        "safe\u200b",
        "I cannot judge this.",
    ],
)
def test_llama_guard_that_gives_no_answer(said: str) -> None:
    with pytest.raises(BadAnswer):
        told("llama-guard", said)


def test_shieldgemma() -> None:
    assert told("shieldgemma", "Yes") == {"nudity"}
    assert told("shieldgemma", " No\n") == set()
    for said in ("", "no", "Maybe", "Yes. No", "No, it is fine", "Yes\nNo", "safe"):
        with pytest.raises(BadAnswer):
            told("shieldgemma", said)


@pytest.mark.parametrize("name", ["chat", "gpt-oss-safeguard", "llama-guard", "shieldgemma"])
@given(said=st.text())
def test_prose_is_never_an_answer(name: str, said: str) -> None:
    try:
        told(name, said)
    except BadAnswer:
        return
    assert said.strip(" \t\r\n") in {"safe", "Yes", "No"}


def test_scores() -> None:
    known = family("moderation")
    found = read_scores(known, {"sexual": 0.7, "sexual/minors": 0, "hate": 1.0})
    assert (found["nudity"], found["minor"], found["explicit"]) == (0.7, 0.0, 0.0)
    for scores in ({}, {"sexual": 0.1}, {"sexual": "0.1", "sexual/minors": 0.0}):
        with pytest.raises(BadAnswer):
            read_scores(known, scores)
    with pytest.raises(BadAnswer):
        read_scores(known, {"sexual": True, "sexual/minors": 0.0})
