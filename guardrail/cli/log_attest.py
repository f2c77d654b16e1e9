"""Options that say who else must have seen a log, and what is said of it."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.keys import read_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail.log.attested import Attested, Demand


def attesting(command: Callable[..., None]) -> Callable[..., None]:
    """Options for witnesses and time stamps; the command gets them as `demand`."""

    @click.option(
        "--witness",
        "witnesses",
        multiple=True,
        metavar="VKEY",
        help="Public key of a witness, or a file with one on each line. May be repeated.",
    )
    @click.option(
        "--quorum",
        type=click.IntRange(min=1),
        metavar="N",
        help="So many of them must have cosigned.  [default: all]",
    )
    @click.option(
        "--tsa-roots",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        multiple=True,
        metavar="PEM",
        help="Root certificates of time-stamp authorities: hold the log against its time stamps.",
    )
    @wraps(command)
    def wrapped(
        *args: Any,
        witnesses: tuple[str, ...],
        quorum: int | None,
        tsa_roots: tuple[Path, ...],
        **rest: Any,
    ) -> None:
        command(*args, demand=_demand(witnesses, quorum, tsa_roots), **rest)

    return wrapped


def _demand(given: tuple[str, ...], quorum: int | None, roots: tuple[Path, ...]) -> Demand:
    from guardrail.log.attested import Demand
    from guardrail.log.stamps import read_roots

    keys = read_keys(given, "--witness")
    names = {key.name for key in keys}
    if quorum is not None and quorum > len(names):
        raise click.UsageError(f"--quorum {quorum} of {len(names)} witnesses: give more --witness")
    found = [root for path in roots for root in read_roots(path)]
    return Demand(keys, len(names) if quorum is None else quorum, found)


def show_attested(found: Attested) -> None:
    """What others said of it, in words."""
    from guardrail.log import iso
    from guardrail.log.times import SECOND

    if (seen := found.witnessed) is not None:
        at = "" if seen.at is None else f" at {iso(seen.at * SECOND)[:19]}Z"
        click.echo(f"witnessed: the first {seen.size:,} entries, by {', '.join(seen.names)}{at}")
    if (stamp := found.stamped) is not None:
        many = f"{stamp.count:,} time stamp(s) hold"
        click.echo(f"time-stamped: the first {stamp.size:,} entries, at {iso(stamp.at)}; {many}")
    if found.unread:
        click.echo(f"{found.unread:,} time stamp(s) were not looked at: give --tsa-roots")
