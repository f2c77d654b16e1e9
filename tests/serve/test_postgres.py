"""Several machines behind a load balancer write one log in PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from guardrail.testing import StandInServer
from tests.log.postgres import Server
from tests.serve.support import (
    FORBIDDEN,
    HARMLESS,
    config_of,
    counted,
    gateway,
    rows,
    until,
    written,
)

CHAT = "/v1/chat/completions"


def test_two_gateways_write_one_log(upstream: StandInServer, tmp_path: Path) -> None:
    server = Server()
    try:
        log = f"{server.url(server.create())}?files={tmp_path / 'attempts'}"
        config = written(tmp_path, config_of(upstream.url, log))
        with gateway(config) as one, gateway(config) as two, ThreadPoolExecutor(4) as pool:
            for messages, status in ((HARMLESS, 200), (FORBIDDEN, 400)):
                body = {"model": "m", "messages": messages}
                replies = [pool.submit(g.post, CHAT, body) for g in (one, two) * 5]
                assert {reply.result().status_code for reply in replies} == {status}
            server.kill()
            until(lambda: one.ready().status_code == 503)
            assert one.ready().json()["status"].startswith("the attempt log")
            assert httpx.get(f"{one.url}/healthz").status_code == 200
            server.start()
            until(lambda: one.ready().status_code == 200)
        ended = counted(log)
        assert (ended["opened"], ended["refused"]) == (20, 10)
        assert len(rows(log)) == 10
    finally:
        server.stop()
