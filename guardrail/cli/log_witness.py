"""`guardrail log witness`: have others cosign what the log signed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.every import every, repeat
from guardrail.cli.log_options import evidence, located, print_json
from guardrail.errors import GuardrailError

if TYPE_CHECKING:
    from guardrail.log.submit import Outcome, Round

NOT_REACHED = 1
EXAMPLES = """\b
Examples:
  guardrail log witness
  guardrail log witness --witnesses /etc/guardrail/witnesses.yaml --every 60s

\b
The file of witnesses, by default attempts.db.witnesses.yaml beside the log:
  witnesses:
    - url: https://witness.example/w1
      key: witness.example/w1+0a1b2c3d+BFH...   # guardrail witness key
    - url: https://other.example
      key: other.example/w+4e5f6a7b+BAC...
  quorum: 1      # how many must cosign; default: all
  timeout: 10    # seconds for each request"""


@click.command(epilog=EXAMPLES)
@evidence
@click.option(
    "--witnesses",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Whom to ask.  [default: $GUARDRAIL_LOG_WITNESSES, else beside the log]",
)
@every
@click.pass_context
def witness(
    ctx: click.Context, *, url: str | None, as_json: bool, file: Path | None, every: float | None
) -> None:
    """Submit the newest checkpoint to the witnesses, and keep what they cosign.

    A witness cosigns only what grew out of what it cosigned before, so that the
    log cannot be rolled back or rewritten unseen. Cosigned checkpoints go into
    attempts.db.cosigned/ beside the log; receipts, exports and guardrail log
    verify --witness use them. The log is only read: who writes it never waits.

    Run it from a timer, or with --every as a service.

    Exit status: 0 a quorum has cosigned, 1 it has not or a witness contradicts
    the log, 2 could not run. With --every: of the last time.
    """
    from guardrail.log.submit import submit
    from guardrail.log.witnesses import read_witnesses, witnesses_file

    location = located(url)
    asked = read_witnesses(witnesses_file(location, file))

    def work() -> bool:
        try:
            found = submit(location, asked)
        except GuardrailError as error:
            if every is None:
                raise
            _fail(error, as_json=as_json)
            return False
        _show(found, as_json=as_json)
        return found.ok

    if not repeat(work, every):
        ctx.exit(NOT_REACHED)


COMMANDS = (witness,)


def _fail(error: GuardrailError, *, as_json: bool) -> None:
    """Of a service: said, and tried again."""
    if as_json:
        print_json({"ok": False, "at": _iso(None), "problem": str(error)})
    else:
        click.echo(f"{_iso(None)} guardrail: {error}", err=True)


def _show(found: Round, *, as_json: bool) -> None:
    if as_json:
        print_json(_fields(found))
        return
    many = f"{len(found.cosigned)} of {len(found.outcomes)} witnesses ({found.quorum} needed)"
    size = f"size {found.tree.size:,}"
    if found.ok:
        click.echo(f"ok: {size} is cosigned by {many}")
    elif found.contradicted:
        click.echo(f"WRONG: {size} contradicts what a witness cosigned; cosigned by {many}")
    else:
        click.echo(f"NOT WITNESSED: {size} is cosigned by {many}")
    for outcome in found.outcomes:
        click.echo(f"  {outcome.witness.key.name}: {_line(outcome, found)}")


def _line(outcome: Outcome, found: Round) -> str:
    name = outcome.witness.key.name
    if name in found.cosigned and outcome.state != "contradicted":
        late = f" (now {outcome.state}: {outcome.detail})" if outcome.detail else ""
        return f"cosigned at {_iso(found.cosigned[name])}{late}"
    return f"{outcome.state}: {outcome.detail}"


def _fields(found: Round) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "at": _iso(None),
        "size": found.tree.size,
        "root": found.tree.root.hex(),
        "quorum": found.quorum,
        "cosigned": {name: _iso(at) for name, at in found.cosigned.items()},
        "witnesses": [
            {
                "name": outcome.witness.key.name,
                "url": outcome.witness.url,
                "state": outcome.state.value,
                "detail": outcome.detail,
            }
            for outcome in found.outcomes
        ],
    }


def _iso(at: int | None) -> str:
    moment = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
