"""`guardrail log timestamp`: have an authority say when the log stood so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guardrail.cli.every import every, repeat
from guardrail.cli.log_options import evidence, located, print_json
from guardrail.errors import GuardrailError

if TYPE_CHECKING:
    from guardrail.log.timestamps import Stamped

NOT_STAMPED = 1
EXAMPLES = """\b
Examples:
  guardrail log timestamp --tsa https://tsa.example/tsr --roots tsa-roots.pem
  guardrail log timestamp --tsa https://tsa.example/tsr --every 1d
  guardrail log verify --key log.vkey --tsa-roots tsa-roots.pem"""


def _url(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from pydantic_core import PydanticCustomError

    from guardrail.log.witnesses import submission_url

    try:
        return submission_url(value)
    except PydanticCustomError as error:
        raise click.BadParameter(f"expected {error.message()}") from None


@click.command(epilog=EXAMPLES)
@evidence
@click.option(
    "--tsa",
    required=True,
    envvar="GUARDRAIL_LOG_TSA",
    callback=_url,
    metavar="URL",
    help="The authority (RFC 3161 over HTTP), or $GUARDRAIL_LOG_TSA.",
)
@click.option(
    "--roots",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PEM",
    help="Certificates that its signer must lead to. Without them the answer is kept unverified.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True, max=600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For the answer.",
)
@every
@click.pass_context
def timestamp(  # noqa: PLR0913 (one argument an option)
    ctx: click.Context,
    *,
    url: str | None,
    as_json: bool,
    tsa: str,
    roots: Path | None,
    timeout: float,
    every: float | None,
) -> None:
    """Have the newest checkpoint time-stamped by an authority (RFC 3161).

    It proves that every entry up to that size was there by then, to whoever
    trusts the authority. The answer goes into attempts.db.timestamps/ beside
    the log; guardrail log verify --tsa-roots holds the log against it, and so
    does openssl ts -verify. Only a hash leaves this machine.

    Exit status: 0 time-stamped, 1 the authority gave no good answer, 2 could
    not run. With --every: of the last time.
    """
    from guardrail.chain.errors import EvidenceError, EvidenceUnavailable
    from guardrail.log.post import Unreachable
    from guardrail.log.stamps import read_roots
    from guardrail.log.timestamps import timestamp_newest

    location = located(url)
    trusted = read_roots(roots) if roots else []

    def work() -> bool:
        try:
            found = timestamp_newest(location, tsa, trusted, timeout)
        except EvidenceUnavailable:
            raise
        except (Unreachable, EvidenceError) as error:
            _fail(error, as_json=as_json)
            return False
        except GuardrailError as error:
            if every is None:
                raise
            _fail(error, as_json=as_json)
            return False
        _show(found, as_json=as_json)
        return True

    if not repeat(work, every):
        ctx.exit(NOT_STAMPED)


COMMANDS = (timestamp,)


def _fail(error: GuardrailError, *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": False, "problem": str(error)})
    else:
        click.echo(f"NOT STAMPED: {error}")


def _show(found: Stamped, *, as_json: bool) -> None:
    from guardrail.log import iso

    at = iso(found.stamp.at)
    if as_json:
        told = {
            "ok": True,
            "size": found.tree.size,
            "root": found.tree.root.hex(),
            "at": at,
            "policy": found.stamp.policy,
            "serial": str(found.stamp.serial),
            "file": str(found.path),
            "verified": found.verified,
        }
        print_json(told)
        return
    doubt = "" if found.verified else " (not verified: give --roots)"
    click.echo(f"ok: size {found.tree.size:,} is time-stamped at {at}{doubt}: {found.path}")
