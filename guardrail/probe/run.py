"""Sends the plan down a door, one probe after the other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from guardrail.adapters.wire.http import Call
from guardrail.errors import InputError
from guardrail.probe import judge
from guardrail.probe.answer import Answer
from guardrail.probe.judge import NOTHING, Part, Row, Seen
from guardrail.probe.plan import BENIGN, MARKER, Probe, Words, the_plan

if TYPE_CHECKING:
    from guardrail.probe.doors import Door
    from guardrail.probe.logbook import Found, Logbook
    from guardrail.probe.standin import StandIn

MAX_REQUESTS = 150
"""How many requests one door is sent at most."""

_PIECE = 3
"""Characters of a streamed piece: no word of the marker comes in one."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is sent.

    run: marks the requests of this run. key: of the API. models: by kind of route; the empty kind
    is for all others. marker: what has to be refused; benign: what has to be let through.
    only: parts of the names or routes of those to send; empty: all.
    """

    run: str
    key: str = field(default="", repr=False)
    models: Mapping[str, str] = field(default_factory=dict)
    marker: str = MARKER
    benign: str = BENIGN
    only: Sequence[str] = ()

    def wants(self, probe: Probe) -> bool:
        """Whether this one is to be sent."""
        return not self.only or any(part in f"{probe.name} {probe.call}" for part in self.only)

    def words(self, probe: Probe, text: str) -> Words:
        """What a probe is filled in with."""
        model = self.models.get(probe.kind) or self.models.get("") or "guardrail-probe"
        return Words(text, model, (*self._marks(), *self._key(probe.protocol)))

    def _marks(self) -> tuple[tuple[str, str], ...]:
        return ("user-agent", "guardrail-doctor"), ("x-guardrail-probe", self.run)

    def _key(self, protocol: str) -> Iterator[tuple[str, str]]:
        if protocol == "anthropic":
            yield "anthropic-version", "2023-06-01"
        if not self.key:
            return
        yield "authorization", f"Bearer {self.key}"
        if protocol == "anthropic":
            yield "x-api-key", self.key
        if protocol == "gemini":
            yield "x-goog-api-key", self.key


@dataclass(slots=True)
class Prober:
    """A door, what is behind it, and where it is logged.

    standin: the model's server, where it is ours. logbook: None where there is none to look into.
    """

    door: Door
    settings: Settings
    standin: StandIn | None = None
    logbook: Logbook | None = None
    sent: int = 0

    def plan(self) -> list[Probe]:
        """The probes that this door is sent."""
        return [
            probe for probe in the_plan() if self.settings.wants(probe) and self.door.offers(probe)
        ]

    def begin(self) -> None:
        """Knock: raises InputError where nobody answers, or lets nobody in."""
        marks = self.settings.words(the_plan()[0], "").headers
        answer = self._send(Call("GET", "/v1/models", headers=marks))
        if problem := judge.no_entry(answer):
            raise InputError(f"{self.door.surface}: {problem}")
        if not self.settings.models:
            self.settings = replace(self.settings, models=_models(answer))

    def prove(self, probe: Probe) -> Row:
        """Send one probe, in every way that belongs to it."""
        if self.sent + 2 + len(probe.says) > MAX_REQUESTS:
            raise InputError(f"more than {MAX_REQUESTS} requests are needed; see --only")
        match probe.expect:
            case "passed":
                return self._passed(probe)
            case "closed":
                return self._closed(probe)
            case "refused":
                return self._unknown(probe)
            case _:
                return self._screened(probe)

    def call(self, probe: Probe, text: str) -> Answer:
        """Send one request."""
        return self._send(probe.made(self.settings.words(probe, text)))

    def _send(self, call: Call) -> Answer:
        self.sent += 1
        return self.door.send(call)

    def _screened(self, probe: Probe) -> Row:
        benign = self.call(probe, self.settings.benign)
        forbidden = self._forbidden(probe)
        came_in = judge.screened_in(benign, forbidden)
        came_in = judge.together((came_in, judge.uncalled(forbidden)))
        said = [(way, self._said(probe, way)) for way in self._ways(probe, benign)]
        went_out = judge.screened_out(said, self.settings.marker, stream=probe.stream)
        if probe.says and not said and not benign.unguarded:
            went_out = Part("not proved", why=(f"output: {self._unsaid(benign)}",))
        seen = [benign, forbidden.answer, *(one.answer for _, one in said)]
        row = self._blank(probe, forbidden.answer, seen)
        return judge.row(row, came_in, went_out, judge.logged(forbidden))

    def _ways(self, probe: Probe, benign: Answer) -> Sequence[str]:
        """How the model is made to say something; not at all on a route that does not answer."""
        return self.door.says(probe) if self.standin is not None and benign.answered else ()

    def _unsaid(self, benign: Answer) -> str:
        if self.standin is None:
            return "its model cannot be made to say anything"
        return f"the benign request is not answered ({benign.told})"

    def _unknown(self, probe: Probe) -> Row:
        seen = self._forbidden(probe)
        row = self._blank(probe, seen.answer, [seen.answer])
        return judge.row(row, judge.unknown(seen), NOTHING, judge.logged(seen))

    def _closed(self, probe: Probe) -> Row:
        answer = self.call(probe, self.settings.benign)
        return judge.row(self._blank(probe, answer, [answer]), judge.shut(answer), NOTHING, NOTHING)

    def _passed(self, probe: Probe) -> Row:
        answer = self.call(probe, self.settings.benign)
        row = self._blank(probe, answer, [answer])
        why = answer.problem or f"it generates nothing, and is passed on ({answer.told})"
        part = Part("not proved" if answer.problem else "-", why=(why,))
        return replace(judge.row(row, part, NOTHING, NOTHING), why=(why,), error="")

    def _forbidden(self, probe: Probe) -> Seen:
        since = time.time_ns()
        answer = self.call(probe, self.settings.marker)
        reached = None if self.standin is None else self.standin.was_told(self.settings.marker)
        refused = answer.stopped or answer.unguarded
        return Seen(answer, reached, self._found(answer, since) if refused else None)

    def _said(self, probe: Probe, way: str) -> Seen:
        """Ask for something harmless, and let the model say what it must not."""
        assert self.standin is not None  # noqa: S101  `_ways` looked
        self.standin.script(way, self.settings.marker, _PIECE)
        since = time.time_ns()
        answer = self.call(probe, self.settings.benign)
        reached = self.standin.was_asked()
        held = reached and (answer.attempt or answer.cut)
        return Seen(answer, reached, self._found(answer, since) if held else None)

    def _found(self, answer: Answer, since: int) -> Found | None:
        if self.logbook is None:
            return None
        return self.logbook.find(answer.attempt, since)

    def _blank(self, probe: Probe, told: Answer, seen: Sequence[Answer]) -> Row:
        ids = tuple(dict.fromkeys(answer.attempt for answer in seen if answer.attempt))
        error = "" if told.answered else told.told
        surface = self.door.surface
        return Row(
            surface, probe.name, probe.route, probe.mode, "-", "-", "-", error, "ok", attempts=ids
        )


def probed(prober: Prober, progress: Callable[[int, int], None] | None = None) -> Iterator[Row]:
    """A row for each probe of the plan; `progress` is told how many are done, and of how many.

    Raises InputError where no probe is to be sent, and where nothing can be proved: nobody
    answers, the key is not taken, or the address leads elsewhere.
    """
    plan = prober.plan()
    if not plan:
        raise InputError(f"{prober.door.surface}: it has no such route; see --only")
    prober.begin()
    for number, probe in enumerate(plan):
        if progress is not None:
            progress(number, len(plan))
        yield prober.prove(probe)


def _models(answer: Answer) -> Mapping[str, str]:
    """The first model that is listed, for every kind of route."""
    try:
        named = json.loads(answer.body)["data"][0]["id"]
    except (ValueError, LookupError, TypeError):
        return {}
    return {"": named} if isinstance(named, str) else {}
