"""`guardrail witness`: run a witness that cosigns the checkpoints of logs it knows."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.keys import read_keys
from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from guardrail.chain.keys import SigningKey
    from guardrail.witness.service import Judged, Service
    from guardrail.witness.state import Cosigned

OUT_OF_SERVICE = 1
_LOOK = 0.5
HIGHEST_PORT = 65_535
EXAMPLES = """\b
Examples:
  guardrail witness key --state /var/lib/witness --name witness.example/w1
  guardrail witness --state /var/lib/witness --log log.vkey --listen 127.0.0.1:8091
  guardrail witness show --state /var/lib/witness"""
KEY_EXAMPLES = """\b
Examples:
  guardrail witness key --state /var/lib/witness --name witness.example/w1 > w1.vkey
  guardrail witness key --state /var/lib/witness"""
SHOW_EXAMPLES = """\b
Examples:
  guardrail witness show --state /var/lib/witness
  guardrail witness show --state /var/lib/witness guardrail-log/fe1cc63d8ed9c3c3 > held"""
_ALGORITHMS = ("ed25519", "ml-dsa-44")


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, int]:
    host, colon, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    good = colon and host and port.isascii() and port.isdigit() and len(port) <= len("65535")
    if not good or int(port) > HIGHEST_PORT:
        raise click.BadParameter(f"{value!r} is not HOST:PORT, such as 127.0.0.1:8091")
    return host, int(port)


_STATE = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the witness: its key, and what it cosigned.  [required]",
)
_NAME = click.option(
    "--name",
    metavar="NAME",
    help="Make a new witness of this name, such as witness.example/w1, where DIR has none.",
)


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@_STATE
@_NAME
@click.option(
    "--listen",
    default="127.0.0.1:8091",
    show_default=True,
    callback=_address,
    metavar="HOST:PORT",
    help="Port 0 takes a free one. For other machines, put a server with TLS in front.",
)
@click.option(
    "--log",
    "logs",
    multiple=True,
    metavar="VKEY",
    help="Public key of a log to witness, or a file with one on each line. May be repeated.",
)
@click.option("--quiet", is_flag=True, help="Say nothing of requests that were cosigned.")
@click.pass_context
def witness(  # noqa: PLR0913 (one argument an option)
    ctx: click.Context,
    *,
    state: Path | None,
    name: str | None,
    listen: tuple[str, int],
    logs: tuple[str, ...],
    quiet: bool,
) -> None:
    """Run a witness: it cosigns what logs sign, and never what takes something back.

    A witness proves something only where the log's operator cannot reach its
    folder: run it on another machine, best by somebody else. It answers
    POST /add-checkpoint (C2SP tlog-witness); GET / gives its public key.
    What it cosigns is on disk before it answers. SIGTERM and Ctrl-C end it
    after the requests that are being answered.

    Exit status: 0 ended as asked, 1 its disk failed, 2 could not run.
    """
    if ctx.invoked_subcommand is not None:
        return
    if state is None:
        raise click.UsageError("Missing option '--state'.")
    if not logs:
        raise click.UsageError("Missing option '--log'.")
    keys = read_keys(logs, "--log")
    key = _key(state, name)
    from guardrail.witness.server import WitnessServer
    from guardrail.witness.service import Service
    from guardrail.witness.state import State

    with State(state) as memory:
        service = Service(key, keys, memory)
        ended = threading.Event()
        server = WitnessServer(listen, service, _telling(service, ended, quiet=quiet))
        _serve(server, ended)
    if service.failed:
        ctx.exit(OUT_OF_SERVICE)


def _serve(server: Any, ended: threading.Event) -> None:
    """Serve until `ended`, then answer what is here and stop."""
    key = server.service.key.verifier
    with _ending(ended):
        running = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        running.start()
        click.echo(f"witness {key.name} listens on {server.url}", err=True)
        for origin in server.service.origins:
            click.echo(f"it knows {origin}", err=True)
        try:
            while not ended.wait(_LOOK):  # a signal that another thread took wakes nobody
                pass
        finally:
            server.end()
            running.join()
    click.echo("ended", err=True)


@contextmanager
def _ending(ended: threading.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT end it in order."""

    def caught(_number: int, _frame: object) -> None:
        ended.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    before = [(number, signal.signal(number, caught)) for number in signals]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _telling(service: Service, ended: threading.Event, *, quiet: bool) -> Callable[[Judged], None]:
    def told(judged: Judged) -> None:
        status = judged.answer.status
        if service.failed:
            ended.set()
        if quiet and status == 200:  # noqa: PLR2004 (HTTP)
            return
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        what = f"{_plain(judged.origin)} {judged.size}" if judged.origin else "-"
        click.echo(f"{at} {status} {what}: {_plain(judged.reason)}", err=True)

    return told


def _plain(text: str) -> str:
    """On one line, whatever a stranger sent."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:200])


def _key(state: Path, name: str | None, algorithm: str = "ed25519") -> SigningKey:
    """The witness's key; made where there is none and a name was given."""
    from guardrail.chain.keys import Algorithm
    from guardrail.witness.state import Home, load_key, make_witness

    home = Home(state)
    if name is None or home.key.exists():
        key = load_key(state)
        if name not in (None, key.name):
            raise ConfigurationError(f"the witness in {state} is {key.name}, not {name}")
        return key
    ed25519 = algorithm == "ed25519"
    kind = Algorithm.COSIGNATURE_ED25519 if ed25519 else Algorithm.COSIGNATURE_ML_DSA_44
    return make_witness(state, name, kind)


@witness.command(epilog=KEY_EXAMPLES)
@_STATE
@_NAME
@click.option(
    "--algorithm",
    type=click.Choice(_ALGORITHMS),
    default=_ALGORITHMS[0],
    show_default=True,
    help="With --name: of the new key. ml-dsa-44 also withstands quantum computers.",
)
def key(*, state: Path | None, name: str | None, algorithm: str) -> None:
    """Print the witness's public key; with --name, make it first.

    The operator of the log names it in the file of witnesses, and whoever
    verifies gives it as --witness. The private key stays in DIR.
    """
    if state is None:
        raise click.UsageError("Missing option '--state'.")
    click.echo(str(_key(state, name, algorithm).verifier))


@witness.command(epilog=SHOW_EXAMPLES)
@_STATE
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead.")
@click.option("--refused", is_flag=True, help="Print what ORIGIN signed and must not have.")
@click.argument("origin", required=False)
def show(*, state: Path | None, as_json: bool, refused: bool, origin: str | None) -> None:
    """Say what the witness cosigned last of every log.

    With ORIGIN, print that log's checkpoint as it was cosigned: somebody who
    verifies the log gives it to guardrail log verify --checkpoint.
    """
    from guardrail.witness.state import State

    if state is None:
        raise click.UsageError("Missing option '--state'.")
    if refused and origin is None:
        raise click.UsageError("--refused needs ORIGIN")
    with State(state, writable=False) as memory:
        if origin is None:
            for found in memory.logs():
                _show(found, as_json=as_json)
            return
        if refused:
            for at, status, request in memory.refused(origin):
                told = {"at": _iso(at), "status": status, "request": request.decode()}
                click.echo(json.dumps(told, ensure_ascii=False))
            return
        last = memory.last(origin)
    if last is None:
        raise ConfigurationError(f"nothing was cosigned of {origin}")
    click.echo(last.note, nl=False)


def _show(found: Cosigned, *, as_json: bool) -> None:
    tree = found.checkpoint
    if as_json:
        told = {
            "origin": found.origin,
            "size": tree.size,
            "root": tree.root.hex(),
            "at": _iso(found.at),
            "refused": found.refused,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    refused = f", {found.refused:,} contradiction(s) refused" if found.refused else ""
    click.echo(
        f"{found.origin}: size {tree.size:,}, root {tree.root.hex()}, {_iso(found.at)}{refused}"
    )


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
