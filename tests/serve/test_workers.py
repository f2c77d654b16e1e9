"""Several workers over one socket, one log and one set of figures."""

from __future__ import annotations

import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from guardrail.testing import StandInServer
from tests.serve.support import (
    FORBIDDEN,
    HARMLESS,
    Running,
    config_of,
    counted,
    gateway,
    until,
    written,
)

CHAT = "/v1/chat/completions"
GOOD = {"model": "m", "messages": HARMLESS}
BAD = {"model": "m", "messages": FORBIDDEN}


def workers(running: Running) -> list[int]:
    """The processes that serve, without the one that tracks what they share."""
    parent = running.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [pid for pid in map(int, children) if b"spawn_main" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def total(text: str, name: str) -> float:
    lines = re.findall(rf"^{name}.*$", text, re.MULTILINE)
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_two_workers_share_a_log_and_figures_and_are_replaced(
    upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    config = config_of(upstream.url, log, workers=2, metrics={"path": True})
    with gateway(written(tmp_path, config)) as running:
        until(lambda: len(workers(running)) == 2)
        with ThreadPoolExecutor(8) as pool:
            for body, status in ((GOOD, 200), (BAD, 400)):
                replies = [pool.submit(running.post, CHAT, body) for _ in range(20)]
                assert {reply.result().status_code for reply in replies} == {status}
        text = httpx.get(f"{running.url}/metrics").text
        assert total(text, "guardrail_requests_total") == 40
        assert total(text, "guardrail_attempts_total") == 40
        first, second = workers(running)
        os.kill(first, signal.SIGKILL)
        until(lambda: len(workers(running)) == 2 and first not in workers(running))
        assert second in workers(running)
        with suppress(httpx.TransportError):
            running.post(CHAT, GOOD)
        until(lambda: running.ready().status_code == 200)
        assert running.end() == 0
        assert not any("Traceback" in line for line in running.lines)
    ended = counted(log)
    assert ended["refused"] == 20
    assert ended["released"] >= 20


def test_a_stream_of_a_worker_ends_by_itself(
    upstream: StandInServer, tmp_path: Path, log: str
) -> None:
    config = written(tmp_path, config_of(upstream.url, log))
    upstream.reply(chunks=["a garden "] * 60, gap=0.02)
    with gateway(config, "--workers", "2") as running:
        client = running.client()
        stream = client.chat.completions.create(model="m", messages=HARMLESS, stream=True)
        first = next(stream)
        running.process.send_signal(signal.SIGTERM)
        pieces = [chunk.choices[0].delta.content or "" for chunk in (first, *stream)]
        assert "".join(pieces) == "a garden " * 60
        assert running.process.wait(30) == 0
    assert counted(log) == {"opened": 1, "released": 1}
