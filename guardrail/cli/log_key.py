"""`guardrail log key`: the public keys of a log, and a second one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guardrail.cli.log_options import evidence, located, print_json

if TYPE_CHECKING:
    from guardrail.chain.keys import VerifierKey

KEY_EXAMPLES = """\b
Examples:
  guardrail log key > log.vkey
  guardrail log key --new --algorithm ml-dsa-44 > log.vkey"""


@click.command(epilog=KEY_EXAMPLES)
@evidence
@click.option(
    "--new",
    is_flag=True,
    help="Make a second key that signs every checkpoint from now on as well.",
)
@click.option(
    "--algorithm",
    type=click.Choice(["ml-dsa-44"]),
    help="With --new: of the new key. It also withstands quantum computers.",
)
def key(url: str | None, *, as_json: bool, new: bool, algorithm: str | None) -> None:
    """Print the log's public keys. Keep them elsewhere: they are what a verifier needs.

    Each on a line: Ed25519, and ML-DSA-44 where the log has one. Verifiers that
    know only the first pass over the other's signatures.
    """
    if new is not bool(algorithm):
        raise click.UsageError("--new and --algorithm ml-dsa-44 go together")
    if new:
        _add_key(url)
    keys = _own_keys(url)
    if as_json:
        texts = [str(found) for found in keys]
        print_json({"origin": keys[0].name, "key": texts[0], "keys": texts})
    else:
        for found in keys:
            click.echo(str(found))


def _add_key(url: str | None) -> None:
    from guardrail.log.further import add_further
    from guardrail.log.log import Log
    from guardrail.log.opening import open_for_reading

    location = located(url)
    open_for_reading(location)  # a key is not a reason to make a log
    with Log(location) as log:
        add_further(log)


def _own_keys(url: str | None) -> list[VerifierKey]:
    from guardrail.log.further import further_verifiers
    from guardrail.log.opening import open_for_reading
    from guardrail.log.verify import log_key

    store = open_for_reading(located(url))
    first = log_key(store)
    with store.reading() as session:
        return [first, *further_verifiers(session)]


COMMANDS = (key,)
