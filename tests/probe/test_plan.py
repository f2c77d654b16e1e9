"""The plan fits the table of routes, and its words fit the shipped policies."""

from __future__ import annotations

import pytest

from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.routes import UNKNOWN, Passed
from guardrail.adapters.wire.table import ENTRIES, known_routes
from guardrail.guard import Guard
from guardrail.probe import KINDS, MAX_REQUESTS
from guardrail.probe.plan import BENIGN, MARKER, Probe, Words, the_plan
from guardrail.records import Action, Operation, Request
from guardrail.testing.fakes import MemoryLog

NOT_PROBED = {
    "openai.responses.cancel": "it stops what was begun",
    "openai.videos.edits": "nobody can see the film it changes, so it is refused altogether",
}


def _target(probe: Probe) -> Codec | Passed:
    return known_routes().find(probe.made(Words(BENIGN, "m")))


@pytest.mark.parametrize("probe", the_plan(), ids=lambda probe: probe.name)
def test_a_probe_expects_what_the_table_does(probe: Probe) -> None:
    target = _target(probe)
    if probe.expect == "passed":
        assert isinstance(target, Passed)
        return
    assert isinstance(target, Codec)
    assert (target.name == UNKNOWN) == (probe.expect in ("refused", "closed"))
    assert probe.kind in KINDS


@pytest.mark.parametrize("probe", the_plan(), ids=lambda probe: probe.name)
def test_what_is_sent_can_be_read_and_says_the_words(probe: Probe) -> None:
    target = _target(probe)
    if isinstance(target, Codec) and probe.expect == "screened":
        asked = target.read(probe.made(Words(MARKER, "m")), 10_000_000)
        assert any(MARKER in part.text for part in asked.request.parts)
        assert asked.streams == probe.stream


def test_every_route_that_generates_is_probed() -> None:
    probed = {target.name for probe in the_plan() if isinstance(target := _target(probe), Codec)}
    known = {
        entry.target.name
        for entry in ENTRIES
        if isinstance(entry.target, Codec) and "POST" in entry.methods
    }
    assert known - probed == NOT_PROBED.keys()


def test_the_plan_is_within_the_limit_of_requests() -> None:
    assert sum(2 + len(probe.says) for probe in the_plan()) < MAX_REQUESTS


def test_names_are_unique() -> None:
    names = [probe.name for probe in the_plan()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("policy", ["default", "eu", "japan", "strict"])
def test_a_shipped_policy_refuses_the_marker_and_allows_its_twin(policy: str) -> None:
    guard = Guard(policy, log=MemoryLog())
    kinds = (
        Operation.CHAT,
        Operation.TEXT,
        Operation.IMAGE_GENERATE,
        Operation.IMAGE_EDIT,
        Operation.VIDEO_GENERATE,
    )
    for kind in kinds:
        assert guard.screen(Request.of(MARKER, kind)).decision.action is Action.REFUSE
        twin = guard.screen(Request.of(BENIGN, kind)).decision.action
        assert twin is Action.ALLOW or (kind is Operation.IMAGE_EDIT and twin is Action.GATE)
