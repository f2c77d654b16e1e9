"""`guardrail demo`: real requests through a guarded client, and what the log says of them."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

IMAGE_MODEL = "gpt-image-1"


@click.command(short_help="Send real requests through a guarded client.")
@click.option(
    "--model", metavar="MODEL", help="A real chat model, in LiteLLM's name.  [default: a stand-in]"
)
@click.option(
    "--image-model",
    default=IMAGE_MODEL,
    show_default=True,
    metavar="MODEL",
    help="With --model: the image model.",
)
@click.option("--log", metavar="URL", help="Attempt log to write.  [default: a temporary one]")
@click.option("--keep", is_flag=True, help="Keep the temporary log.")
def demo(*, model: str | None, image_model: str, log: str | None, keep: bool) -> None:
    """Send a dozen requests through a guarded client and list the attempts.

    Every request goes over HTTP through GuardedLiteLLM, by default to a
    stand-in model on this machine. With --model it goes to the provider,
    whose key is read from its environment variable, such as OPENAI_API_KEY.
    """
    with ExitStack() as stack:
        url = log or _temporary(stack, keep=keep)
        _run(stack, url, model, image_model)
        _hint(url, lasting=bool(log) or keep)


def _temporary(stack: ExitStack, *, keep: bool) -> str:
    folder = Path(tempfile.mkdtemp(prefix="guardrail-demo-"))
    if not keep:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return f"sqlite:///{folder}/attempts.db"


def _run(stack: ExitStack, url: str, model: str | None, image_model: str) -> None:
    from guardrail.adapters.litellm import GuardedLiteLLM
    from guardrail.cli.console import console
    from guardrail.cli.demo_requests import Models, Witness, attempt, demo_requests
    from guardrail.cli.demo_shown import show_end, show_request, show_start
    from guardrail.guard import Guard
    from guardrail.log import open_log
    from guardrail.testing import StandInServer

    out = console()
    witness = Witness(stack.enter_context(open_log(url)))
    guard = Guard("default", log=witness)
    server = None if model else stack.enter_context(StandInServer())
    with out.status("Loading LiteLLM ..."):
        if server is None:
            client = GuardedLiteLLM(guard=guard)
        else:
            client = GuardedLiteLLM(guard=guard, api_base=server.url, api_key="stand-in")
    models = Models(model or "openai/stand-in", image_model)
    requests = demo_requests()
    show_start(out, guard.policy, len(requests), models.chat if model else "")
    for number, request in enumerate(requests, 1):
        result = attempt(request, client, models, server, witness)
        show_request(out, number, request, result, guard.policy)
    show_end(out, witness.ended)
    _list_attempts(url, out)


def _list_attempts(url: str, out: Console) -> None:
    """Print the attempts as `guardrail log list` does on a terminal."""
    from guardrail.cli.log_shown import print_table
    from guardrail.log import open_log

    out.print("What `guardrail log list` shows (plain attempts are only counted):\n")
    with open_log(url, readonly=True) as log:
        print_table(log.attempts(), None)


def _hint(url: str, *, lasting: bool) -> None:
    if not lasting:
        click.echo("\nThe log was temporary. To look further: guardrail demo --keep")
        return
    click.echo(f"\nTo look further:\n  export GUARDRAIL_LOG={quote(url)}")
    for command in ("list --action refuse", "show <id>", "stats --by rule,jurisdiction"):
        click.echo(f"  guardrail log {command}")
