"""A gateway put together from its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.adapters.asgi_http import Intake
from guardrail.adapters.service import Service
from guardrail.adapters.wire.exchange import Exchange
from guardrail.adapters.wire.table import known_routes
from guardrail.detect import warm_up
from guardrail.guard import Guard
from guardrail.log import open_log
from guardrail.records import Caller
from guardrail.serve.callers import callers_of
from guardrail.serve.gateway import Gateway
from guardrail.serve.handling import Parts
from guardrail.serve.limits import limiter_of
from guardrail.serve.metrics import Metrics
from guardrail.serve.probes import Probes
from guardrail.serve.providers import providers_of
from guardrail.serve.served import Served
from guardrail.serve.tracing import tracing_from_environment
from guardrail.serve.watched import WatchedLog

if TYPE_CHECKING:
    from guardrail.serve.schema import GatewayModel
    from guardrail.serve.tracing import Tracing


def gateway_of(config: GatewayModel, *, tracing: Tracing | None = None) -> Gateway:
    """An ASGI application. Whoever made it calls `close` when its server has ended.

    tracing: used instead of what the environment asks for.
    Raises ConfigurationError where the policy, the log or anything else cannot be had.
    """
    tracing = tracing or tracing_from_environment()
    metrics = Metrics()
    callers = callers_of(config)
    limiter = limiter_of(config.limits)
    providers = providers_of(config, tracing)
    log = WatchedLog(open_log(config.log), metrics)
    try:
        guard = Guard(config.policy, log=log)
        warm_up(guard.detectors)  # else the first call holds up all others for seconds
    except BaseException:
        log.shutdown()
        raise
    routes = known_routes()
    limits = config.limits
    parts = Parts(
        exchange=Exchange(Service.over(guard, Caller(), ""), routes, limits.reply_bytes),
        served=Served.of(routes),
        callers=callers,
        limiter=limiter,
        providers=providers,
        intake=Intake(max_body=limits.body_bytes, timeout=limits.body_seconds),
        metrics=metrics,
        tracing=tracing,
        conversation_header=config.conversation_header or "",
        concurrent=limits.concurrent,
        access_log=config.access_log,
    )
    probes = Probes(
        log, config.ready_upstreams, config.metrics.path, config.metrics.token_env or ""
    )
    return Gateway(parts, probes)


def close(gateway: Gateway) -> None:
    """Shut down the log and send the last spans; may be called twice."""
    gateway.probes.log.shutdown()
    if gateway.parts.tracing is not None:
        gateway.parts.tracing.shutdown()
