"""A hole of each kind is named, and nothing else is called one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from guardrail.errors import ConfigurationError, InputError
from guardrail.log import open_log
from guardrail.probe import ADAPTERS, MAX_REQUESTS, Opening, Row, Settings, judge, opened, probed
from guardrail.probe.plan import SPEECHES, the_plan

Probe = Callable[..., list[Row]]

CHATS = ("/v1/chat/completions",)
SAID = {"text", "tool arguments", "reasoning"}


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
    url = f"sqlite:///{tmp_path}/attempts.db"
    open_log(url).shutdown()
    monkeypatch.setenv("GUARDRAIL_LOG", url)

    def run(name: str, only: Sequence[str] = (), *, log: str | None = url) -> list[Row]:
        target = name if name in ADAPTERS else f"tests.probe.holes:{name}"
        with opened(Opening(target, Settings("r1", only=only), log=log)) as prober:
            rows = list(probed(prober))
            assert prober.sent <= MAX_REQUESTS
        return rows

    return run


def _named(rows: Sequence[Row]) -> dict[str, set[str]]:
    return {row.name: set(row.holes) for row in rows if row.holes}


def test_an_application_behind_the_middleware_has_no_hole(probe: Probe) -> None:
    rows = probe("guarded")
    assert [row.name for row in rows] == [row.name for row in the_plan()]
    assert {row.verdict for row in rows} == {"ok"}, rows
    chat = rows[0]
    assert (chat.screened_in, chat.screened_out, chat.logged) == ("yes", "yes", "yes")
    assert chat.error == "400 moderation_blocked"
    assert len(chat.attempts) == 5


def test_without_a_guard_every_route_is_a_hole(probe: Probe) -> None:
    rows = probe("bare")
    assert [row.name for row in rows if row.verdict != "HOLE"] == ["embeddings"]
    holes = _named(rows)
    for row, made in zip(rows, the_plan(), strict=True):
        if made.expect == "screened":
            assert judge.SENT in holes[row.name]
        form = judge.EARLY if made.stream else judge.RELEASED
        said = {form.format(SPEECHES[way]) for way in made.says}
        assert said <= holes.get(row.name, set()), "the stand-in says nothing that could be held"
    assert holes["an unknown route"] == {judge.UNKNOWN}
    assert holes["realtime, a websocket"] == {judge.SOCKET}


def test_an_application_that_screens_requests_only(probe: Probe) -> None:
    rows = probe("inputs_only", CHATS)
    whole, streamed = rows[0], rows[1]
    assert (whole.screened_in, whole.screened_out, whole.logged) == ("yes", "no", "yes")
    assert set(whole.holes) == {judge.RELEASED.format(what) for what in SAID}
    assert set(streamed.holes) == {judge.EARLY.format(what) for what in SAID}


def test_an_application_that_logs_nothing(probe: Probe) -> None:
    rows = probe("forgetful", ("pictures", "unknown route"))
    assert {row.logged for row in rows} == {"no"}
    assert all(judge.UNLOGGED in row.holes for row in rows)


def test_an_application_that_asks_the_model_first(probe: Probe) -> None:
    rows = probe("eager", ("images/generations", "speech"))
    assert _named(rows) == {"pictures": {judge.REACHED}, "speech": {judge.REACHED}}
    assert {row.error for row in rows} == {"400 moderation_blocked"}


def test_an_application_that_passes_forms(probe: Probe) -> None:
    holes = _named(probe("forms", ("form", "JSON", "pictures")))
    assert holes == {
        name: {judge.SENT} for name in ("edits, form", "variations, form", "videos, form")
    }


def test_an_application_that_does_not_hold_streams_back(probe: Probe) -> None:
    holes = _named(probe("streams", (*CHATS, "/v1/messages")))
    assert holes.keys() == {"chat, streamed", "messages, streamed"}
    assert holes["chat, streamed"] == {judge.SENT, *(judge.EARLY.format(what) for what in SAID)}


def test_an_application_that_lets_an_unknown_route_through(probe: Probe) -> None:
    holes = _named(probe("unknown", ("unknown route", "oddly")))
    assert holes == {"an unknown route": {judge.UNKNOWN}}


def test_an_application_that_opens_a_websocket(probe: Probe) -> None:
    assert _named(probe("sockets", ("realtime", "speech"))) == {
        "realtime, a websocket": {judge.SOCKET}
    }


@pytest.mark.parametrize("name", ["httpx", "httpx-async", "asgi"])
def test_a_shipped_adapter_has_no_hole(probe: Probe, name: str) -> None:
    rows = probe(name, log=None)
    assert {row.verdict for row in rows} == {"ok"}, rows
    assert {row.surface for row in rows} == {name}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["litellm", "langchain"])
def test_a_shipped_library_has_no_hole(probe: Probe, name: str) -> None:
    pytest.importorskip("litellm" if name == "litellm" else "langchain_openai")
    rows = probe(name, log=None)
    assert {row.verdict for row in rows} == {"ok"}, rows
    assert rows[0].error == "RequestRefused: 400 moderation_blocked"


@pytest.mark.parametrize("name", ["sdk", "transport"])
def test_a_client_of_ones_own(probe: Probe, name: str) -> None:
    rows = probe(name, ("/v1/chat/completions", "speech"))
    assert {row.verdict for row in rows} == {"ok"}, rows


def test_a_client_that_nothing_guards(probe: Probe) -> None:
    (row,) = probe("plain_sdk", ("speech",))
    assert row.holes == (judge.SENT,)


def test_a_log_that_is_not_looked_into_proves_nothing(probe: Probe) -> None:
    (row,) = probe("guarded", ("speech",), log=None)
    assert (row.verdict, row.logged) == ("not proved", "not proved")
    assert row.why == ("the log was not looked into",)


def test_what_cannot_be_probed_is_said(probe: Probe) -> None:
    with pytest.raises(ConfigurationError, match="is a int, which cannot be probed"):
        probe("number")
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        probe("nobody")
    with pytest.raises(InputError, match="no such route"):
        probe("guarded", ("no route is called so",))
