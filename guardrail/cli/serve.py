"""`guardrail serve`: a gateway between clients and the models' servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from guardrail.serve.schema import GatewayModel

EXAMPLES = """\b
Examples:
  guardrail serve key
  guardrail serve --config gateway.yaml --check-config
  guardrail serve --config gateway.yaml --workers 4
  guardrail serve --upstream http://127.0.0.1:8000/v1 --insecure-no-keys"""
KEY_EXAMPLES = """\b
Examples:
  guardrail serve key
  guardrail serve key --name web >> keys.yaml"""
SCHEMA_EXAMPLES = """\b
Examples:
  guardrail serve schema > gateway.schema.json"""
_PORT = click.IntRange(0, 65_535)


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@click.option(
    "--config",
    "file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="The gateway's configuration, YAML. What is given here besides counts more.",
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=_PORT, help="Port; 0 takes a free one.  [default: 8080]")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes.  [default: 1]")
@click.option("--policy", metavar="FILE", help="A policy file, or the name of a shipped policy.")
@click.option("--log", metavar="URL", help="Attempt log; for several machines, postgresql://...")
@click.option(
    "--upstream",
    metavar="URL",
    help="Without --config: the only upstream, as in https://api.openai.com/v1. "
    "$OPENAI_API_KEY, where it is set, is its key.",
)
@click.option(
    "--insecure-no-keys", is_flag=True, help="Ask nobody for a key; on loopback only, to try out."
)
@click.option("--check-config", is_flag=True, help="Say what is wrong with FILE, and end.")
@click.pass_context
def serve(
    ctx: click.Context, /, *, insecure_no_keys: bool, check_config: bool, **given: Any
) -> None:
    """Serve OpenAI's, Anthropic's and Gemini's routes, guarded.

    Every call is screened before it goes to the upstream of its model, and its
    reply before it is handed out; each is in the attempt log. Callers show a key
    of this gateway, or a token; the upstream sees only the gateway's own key.
    /healthz, /readyz, /metrics and /openapi.json tell of the gateway itself.

    SIGTERM and Ctrl-C end it when the calls in hand are answered, or cut after
    `drain.seconds`; a second Ctrl-C does not wait.

    Exit status: 0 ended as asked, 2 could not run.
    """
    if ctx.invoked_subcommand is not None:
        return
    from guardrail.serve.config import require_keys
    from guardrail.serve.extras import require_gateway

    require_gateway()
    config = _config(given)
    require_keys(config, insecure=insecure_no_keys)
    if check_config:
        _check(config)
        return
    _run(config)


def _config(given: dict[str, Any]) -> GatewayModel:
    from guardrail.serve.config import load_config, upstream_only

    file, upstream = given.pop("file"), given.pop("upstream")
    if (file is None) == (upstream is None):
        raise click.UsageError("Give either --config FILE or --upstream URL.")
    config = load_config(file) if file is not None else upstream_only(upstream)
    return config.model_copy(update={k: v for k, v in given.items() if v is not None})


def _check(config: GatewayModel) -> None:
    """Load what a start would load, but open no log and no socket."""
    from guardrail.detect import known_detectors
    from guardrail.policy import load_policy
    from guardrail.serve.callers import callers_of
    from guardrail.serve.limits import limiter_of
    from guardrail.serve.providers import providers_of
    from guardrail.serve.served import Served

    policy = load_policy(config.policy, known_detectors=known_detectors())
    callers_of(config)
    limiter_of(config.limits)
    providers_of(config, None)
    from guardrail.adapters.wire.table import known_routes

    routes = len(Served.of(known_routes()).rows)
    click.echo(f"policy {policy.ref}")
    click.echo(
        f"{len(config.upstreams)} upstream(s), {len(config.keys)} key(s), {routes} routes: good"
    )
    if config.workers > 1 and config.limits.storage.startswith("memory:") and _limited(config):
        click.echo(
            "note: each worker counts calls by itself; limits.storage can be redis://", err=True
        )


def _limited(config: GatewayModel) -> bool:
    return bool(config.limits.rate or any(key.limit for key in config.keys))


def _run(config: GatewayModel) -> None:
    from guardrail.serve.server import (
        listening,
        noted_signals,
        prepare_logging,
        run_one,
        run_several,
        url_of,
    )

    prepare_logging()
    listener = listening(config.host, config.port)
    try:
        with noted_signals() as signals:
            click.echo(f"guardrail listens on {url_of(listener)}", err=True)
            (run_one if config.workers == 1 else run_several)(config, listener, signals)
    finally:
        listener.close()
    click.echo("ended", err=True)


@serve.command(epilog=KEY_EXAMPLES)
@click.option("--name", default="client", show_default=True, help="What the file calls it.")
def key(*, name: str) -> None:
    """Make a key: it is said once, on stderr, and its entry for `keys:` printed.

    Only the hash belongs into the configuration. The key goes to whoever is to
    call, as OPENAI_API_KEY or what else their client calls it.
    """
    from guardrail.serve.keys import new_key

    made, digest = new_key()
    click.echo(f"the key, which nobody can read again: {made}", err=True)
    click.echo(f"- name: {name}\n  sha256: {digest}")


@serve.command(epilog=SCHEMA_EXAMPLES)
def schema() -> None:
    """Print the JSON schema of a configuration, for editors."""
    import json

    from guardrail.serve.schema import GatewayModel

    click.echo(json.dumps(GatewayModel.model_json_schema(), indent=2))
