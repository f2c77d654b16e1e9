"""How a gateway ends: calls in hand are answered, or cut and on record."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from guardrail.testing import StandInServer
from tests.serve.support import (
    HARMLESS,
    Running,
    config_of,
    counted,
    gateway,
    until,
    written,
)

LONG = [f"The weather in town number {n} is mild and dry today. " for n in range(40)]
BODY = {"model": "m", "messages": HARMLESS}


def streaming(running: Running) -> Any:
    return running.client().chat.completions.create(model="m", messages=HARMLESS, stream=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_open_stream_ends_by_itself(
    number: int, upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    config = config_of(upstream.url, log, drain={"delay": 5})
    upstream.reply(chunks=LONG, gap=0.05)
    with gateway(written(tmp_path, config)) as running:
        stream = streaming(running)
        first = next(stream)
        running.process.send_signal(number)
        until(lambda: running.ready().status_code == 503)
        assert running.ready().json() == {"status": "draining"}
        assert running.post("/v1/chat/completions", BODY).status_code == 200
        choices = [chunk.choices[0] for chunk in (first, *stream)]
        assert "".join(choice.delta.content or "" for choice in choices) == "".join(LONG)
        assert choices[-1].finish_reason == "stop"
        assert running.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            running.ready()
    assert counted(log) == {"opened": 2, "released": 2}


def test_a_stream_that_does_not_end_is_cut_and_on_record(
    upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    config = config_of(upstream.url, log, drain={"seconds": 1})
    with gateway(written(tmp_path, config)) as running:
        upstream.reply(chunks=LONG * 20, gap=0.05)
        stream = streaming(running)
        next(stream)
        running.process.send_signal(signal.SIGTERM)
        with pytest.raises(openai.APIError, match="being restarted"):
            list(stream)
        assert running.process.wait(30) == 0
        assert not any("Traceback" in line for line in running.lines)
    assert counted(log) == {"opened": 1, "cancelled": 1}


def test_a_call_that_waits_is_cut_with_an_answer(
    upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    config = config_of(upstream.url, log, drain={"seconds": 1})
    config["upstreams"][0]["timeouts"] = {"read": 60}
    with gateway(written(tmp_path, config)) as running, ThreadPoolExecutor(1) as pool:
        upstream.reply(delay=3)
        waiting = pool.submit(running.post, "/v1/chat/completions", BODY)
        until(lambda: len(upstream.requests) == 1)
        running.process.send_signal(signal.SIGTERM)
        reply = waiting.result(30)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "shutting_down")
        assert running.process.wait(30) == 0
    assert counted(log) == {"opened": 1, "cancelled": 1}


def test_a_second_interrupt_does_not_wait(
    upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    config = config_of(upstream.url, log, drain={"seconds": 600, "delay": 60})
    with gateway(written(tmp_path, config)) as running:
        upstream.reply(chunks=LONG * 20, gap=0.05)
        stream = streaming(running)
        next(stream)
        running.process.send_signal(signal.SIGINT)
        until(lambda: running.ready().status_code == 503)
        assert running.end(signal.SIGINT) == 0
        stream.close()
    assert counted(log) == {"opened": 1, "cancelled": 1}


def test_a_client_that_hangs_up_closes_its_attempt_and_the_upstreams_reply(
    served: Running, upstream: StandInServer, common_log: str
) -> None:
    upstream.reply(chunks=LONG * 20, gap=0.01)
    before = len(served.access())
    stream = streaming(served)
    next(stream)
    stream.close()
    until(lambda: len(served.access()) > before)
    assert served.access()[-1]["outcome"] == "cancelled"
    until(lambda: upstream.aborted > 0)
    assert common_log


def test_many_streams_at_once(served: Running, upstream: StandInServer) -> None:
    for _ in range(40):
        upstream.reply(chunks=LONG[:10], gap=0.01)
    gate = threading.Barrier(40)

    def one() -> str:
        gate.wait()
        body = {**BODY, "stream": True}
        return served.post("/v1/chat/completions", body).text

    with ThreadPoolExecutor(40) as pool:
        texts = [future.result() for future in [pool.submit(one) for _ in range(40)]]
    assert {text[-14:] for text in texts} == {"data: [DONE]\n\n"}
    assert "guardrail_open_streams 0.0" in httpx.get(f"{served.url}/metrics").text


@pytest.mark.parametrize("workers", [1, 2])
def test_told_to_end_while_it_loads_it_ends_in_order(
    workers: int, upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    config = written(tmp_path, config_of(upstream.url, log, workers=workers))
    with gateway(config, ready=False) as running:
        assert running.end() == 0
        until(lambda: running.lines != [])
    assert running.lines == ["ended\n"]
