"""Spans of a gateway in this process, under a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from guardrail.serve.build import close, gateway_of
from guardrail.serve.schema import GatewayModel
from guardrail.serve.tracing import Tracing, tracing_from_environment
from guardrail.testing import StandInServer
from tests.serve.support import FORBIDDEN, FREE_KEY, HARMLESS, PATIENCE, config_of, until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def served(app: Any) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_spans_tell_what_was_decided_and_no_text(
    upstream: StandInServer, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_KEY", "sk")
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    config = GatewayModel.model_validate(config_of(upstream.url, log, access_log=False))
    gateway = gateway_of(config, tracing=Tracing.over(provider))
    headers = {"authorization": f"Bearer {FREE_KEY}", "traceparent": PARENT}
    with served(gateway) as url:
        for messages in (HARMLESS, FORBIDDEN):
            body = {"model": "m", "messages": messages}
            httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE)
        until(lambda: len(kept.get_finished_spans()) == 2)
    close(gateway)
    good, bad = kept.get_finished_spans()
    assert (good.name, good.kind.name) == ("POST /v1/chat/completions", "SERVER")
    assert good.parent is not None
    assert f"{good.context.trace_id:032x}" == PARENT.split("-")[1]
    assert good.attributes is not None
    assert bad.attributes is not None
    assert good.attributes["guardrail.outcome"] == "released"
    assert bad.attributes["guardrail.reason"] == "real_person_sexual"
    assert bad.attributes["http.response.status_code"] == 400
    told = "".join(span.to_json() for span in (good, bad))
    assert not any(word in told for word in ("garden", "Swift", FREE_KEY))
    sent = upstream.requests[0].headers["traceparent"].split("-")
    assert sent[1:3] == [PARENT.split("-")[1], f"{good.context.span_id:016x}"]


def test_nothing_is_traced_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
    assert tracing_from_environment() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    found = tracing_from_environment()
    assert found is not None
    found.shutdown()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert tracing_from_environment() is None
