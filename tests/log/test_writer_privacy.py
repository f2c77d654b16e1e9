"""What a writer writes for others is sealed, erased and rotated like anything else."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from guardrail.errors import ConfigurationError
from guardrail.log import AttemptFilter, Log, open_log, open_tool
from guardrail.log.access import Identity
from guardrail.log.remote.server import WriterServer, listen
from guardrail.log.rotation import rotate
from guardrail.log.shredding import Target, shred
from tests.log.support import (
    ALLOW,
    REFUSE,
    Daemon,
    closed,
    opened,
    output_refusal,
    request,
    rows,
    stop,
)
from tests.log.test_privacy import verified

BY = Identity("operator", "os")
SLOW = '''
"""A key service that answers when it is told to."""
import threading

asked, answer = threading.Event(), threading.Event()

class Slow:
    id = "slow/1"

    def wrap(self, key, context):
        asked.set()
        if not answer.wait(20):
            raise OSError("nobody let it answer")
        return bytes(byte ^ 90 for byte in key)

    def unwrap(self, wrapped, context, wrapper):
        return bytes(byte ^ 90 for byte in wrapped)

def open_service(location):
    return Slow()
'''


def ask(log: Log, name: str, user: str = "anna") -> None:
    log.open(opened(REFUSE, asked=request(f"a garden {name}", user=user), id=name))


def found(log: Log, user: str) -> list[str]:
    return sorted(row.id for row in log.attempts(AttemptFilter(user=user)))


def test_what_clients_send_is_sealed_shredded_and_rotated(
    daemon: Daemon, sock: Path, url: str, path: Path
) -> None:
    with open_log(f"unix://{sock}") as client:
        ask(client, "one")
        ask(client, "two", "boris")
        late = opened(ALLOW, asked=request("a garden late", user="anna"), id="late")
        client.open(late)
        client.close(closed(late, decision=output_refusal()))
        with open_tool(url) as tool:
            assert found(tool, "anna") == ["late", "one"]
            private = tool.private("late")
            assert private is not None
            assert private.keys() == {"prompt_hash", "user"}
            bodies = "".join(body for (body,) in rows(path, "SELECT body FROM entries"))
            assert private["user"] not in bodies
            shred(tool, BY, Target("subject", "anna"), "request 7")
            assert (found(tool, "anna"), tool.private("one")) == ([], None)
        ask(client, "three")
        with open_tool(url) as tool:
            rotate(tool, BY, "yearly")
        ask(client, "four")  # with this commit the writer hears of it
        ask(client, "five")
    stop(daemon)
    with open_tool(url) as tool:
        assert found(tool, "anna") == ["five", "four", "three"]
        assert found(tool, "boris") == ["two"]
        newest = tool.private("five")
        assert newest is not None
        assert newest["user"] == tool.vault.keys.user("anna")
    verified(url)


def test_a_client_has_no_keys(daemon: Daemon, sock: Path) -> None:
    with open_log(f"unix://{sock}") as client:
        with pytest.raises(ConfigurationError, match="only takes attempts"):
            client.attempts(AttemptFilter(user="anna"))
        with pytest.raises(ConfigurationError, match="only takes attempts"):
            client.private("one")
        with pytest.raises(ConfigurationError, match="not an attempt log"):
            open_tool(f"unix://{sock}")
    stop(daemon)


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    (tmp_path / "slow_service.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "slow_service", raising=False)
    return f"{url}?wrapper=slow_service:open_service"


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 60)


def test_an_event_loop_goes_on_while_a_key_service_is_asked(slow: str) -> None:
    async def run() -> None:
        with open_log(slow) as log:
            service = sys.modules["slow_service"]
            first = asyncio.ensure_future(log.aopen(opened(REFUSE, id="one")))
            await until(service.asked)
            first.cancel()
            service.answer.set()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert log.attempt("one").id == "one"
            service.asked.clear()
            service.answer.clear()
            late = opened(ALLOW, asked=request(user="boris"), id="late")
            await log.aopen(late)
            last = asyncio.ensure_future(log.aclose(closed(late, decision=output_refusal())))
            await until(service.asked)
            service.answer.set()
            await last
            assert log.attempt("late").closed is not None

    asyncio.run(run())
    verified(slow)


def test_other_clients_are_served_while_a_key_service_is_asked(slow: str, sock: Path) -> None:
    async def run() -> None:
        log = open_log(slow)
        server = WriterServer(log)
        await server.start(listen(sock))
        service = sys.modules["slow_service"]
        one, two = [await asyncio.to_thread(open_log, f"unix://{sock}") for _ in range(2)]
        waiting = asyncio.ensure_future(one.aopen(opened(REFUSE, id="one")))
        await until(service.asked)
        await two.aopen(opened(ALLOW, id="plain"))
        assert not waiting.done()
        service.answer.set()
        await waiting
        for client in (one, two):
            await asyncio.to_thread(client.shutdown)
        await server.stop()
        assert log.attempt("one").id == "one"
        assert log.stats().total.opened == 2
        log.shutdown()

    asyncio.run(run())
    verified(slow)
