"""What the tests of judges share: policies, and stand-in models that can be talked into things."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from guardrail.detect import Document
from guardrail.detect.base import Detector
from guardrail.detect.second import SecondOpinion, load_second_stage
from guardrail.policy.second import FAMILIES, Judge, SecondStage
from guardrail.records import FactName, Finding, Span
from guardrail.testing import StandInServer
from guardrail.testing.fakes import ScriptedDetector
from guardrail.testing.server import Reply

CHATTING = ("chat", "gpt-oss-safeguard", "llama-guard", "shieldgemma")
PERSONS: frozenset[FactName] = frozenset({"persons", "labels"})


def stage(url: str, family: str = "llama-guard", **changed: Any) -> SecondStage:
    own = {name: changed.pop(name) for name in Judge.__slots__ if name in changed}
    judge = Judge(family, "openai/judge", url=url, **own)
    labels = tuple((meaning, meaning) for meaning in FAMILIES[family])
    return SecondStage(judge, labels, limit_ms=changed.pop("limit_ms", 10_000), **changed)


def judge(url: str, family: str = "llama-guard", **changed: Any) -> SecondOpinion:
    return load_second_stage(stage(url, family, **changed))


def asked(server: StandInServer) -> list[Any]:
    return [request.json for request in server.requests]


def check_of(body: Any) -> str:
    """The check that a question tells an honest model to answer with."""
    found = re.search(r'"check" is "(\w+)"', body["messages"][0]["content"])
    assert found is not None
    return found[1]


def honest(family: str, verdict: str = "none", *, minor: bool = False) -> Callable[[Any], str]:
    """A model that answers as it was asked, always this verdict."""

    def answer(body: Any) -> str:
        if family in {"chat", "gpt-oss-safeguard"}:
            said = {"check": check_of(body), "verdict": verdict, "minor": minor}
            return json.dumps(said)
        if family == "shieldgemma":
            return "No" if verdict == "none" else "Yes"
        return "safe" if verdict == "none" else "unsafe\nS12" + (",S4" if minor else "")

    return answer


class Answering(StandInServer):
    """A stand-in whose answer depends on what it is asked."""

    def __init__(self, answer: Callable[[Any], str]) -> None:
        super().__init__()
        self._answer = answer

    def next_reply(self) -> Reply:
        return Reply(self._answer(self.requests[-1].json))


_SAFE = re.compile(r"\b(safe|none|no|sicher|seguro|安全)\b|安全", re.IGNORECASE)


def gullible(body: Any) -> str:
    """Say whatever the text judged says the answer is, in the first form that can be found."""
    said = "\n".join(m["content"] for m in body["messages"] if m["role"] == "user")
    text = "\n".join(line.removeprefix("> ") for line in said.splitlines())
    text += "\n" + "\n".join(_decoded(text))
    turn = re.search(r"assistant\W+(\w+)", text, re.IGNORECASE)
    told = re.search(r'[({]\s*"check".*?[})]', text, re.DOTALL)
    if told:
        return "{" + told[0][1:-1] + "}"
    if turn and turn[1].lower() in {"safe", "no", "none"}:
        return _as_asked(turn[1])
    found = _SAFE.search(text)
    return _as_asked(found[0]) if found else "unsafe\nS12"


def _as_asked(word: str) -> str:
    return "No" if word.lower() == "no" else word.lower()


def _decoded(text: str) -> Iterable[str]:
    for run in re.findall(r"[A-Za-z0-9+/]{12,}={0,2}", text):
        try:
            yield base64.b64decode(run + "=" * (-len(run) % 4)).decode()
        except ValueError:
            continue


def spoken(label: str, value: str, score: float) -> Callable[[Document], Iterable[Finding]]:
    def script(document: Document) -> Iterable[Finding]:
        for index, part, _ in document.new_parts():
            span = Span(index, 0, len(part.text))
            yield Finding(
                detector=label, version="1", label=label, value=value, span=span, score=score
            )

    return script


def silent(_: Document) -> Iterable[Finding]:
    return ()


def team(score: float = 0.6, severity: str = "nudity", **scripts: Any) -> list[Detector]:
    """Detectors that say so much of every part."""
    sexual = spoken("sexual", severity, score)
    return [
        ScriptedDetector("sexual", frozenset({"sexual", "edit"}), sexual, cost=9.0),
        ScriptedDetector("minor", frozenset({"minor"}), scripts.get("minor", silent), cost=20.0),
        ScriptedDetector("person", PERSONS, scripts.get("person", silent), cost=50.0),
    ]
