"""`guardrail log recover`: put back a lost checkpoint, explicitly and on record."""

from __future__ import annotations

from pathlib import Path

import click

from guardrail.cli.log_options import evidence, located, print_json

EXAMPLES = """\b
Examples:
  guardrail log recover --checkpoint /elsewhere/attempts.db.checkpoint
  guardrail log recover --trust-database"""


@click.command(epilog=EXAMPLES)
@evidence
@click.option(
    "--checkpoint",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A checkpoint of this log that was kept elsewhere; the newer the better.",
)
@click.option(
    "--trust-database",
    is_flag=True,
    help="Believe what the database says was signed last. It may be an older copy.",
)
def recover(
    *, url: str | None, as_json: bool, checkpoint: Path | None, trust_database: bool
) -> None:
    """Put back the log's last checkpoint, where attempts.db.checkpoint was lost.

    Without that file the log is not opened, because an older copy of the
    database could not be told from a whole one. Nothing is recovered unless the
    log bears out every checkpoint there is: the one given, those in the
    database, and those that witnesses cosigned. The log then says in an entry
    of its own that this was done, and how.

    Exit status: 0 recovered, 2 refused.
    """
    from guardrail.log.beside import read_file
    from guardrail.log.recover import recover as put_back

    if (checkpoint is None) is not trust_database:
        raise click.UsageError("give either --checkpoint FILE or --trust-database")
    given = None if checkpoint is None else (str(checkpoint), read_file(checkpoint, 1_000_000))
    found = put_back(located(url), given)
    if as_json:
        told = {"size": found.tree.size, "root": found.tree.root.hex(), "entry": found.seq}
        print_json(told)
        return
    click.echo(f"recovered: size {found.tree.size:,}; entry {found.seq:,} says so")
    click.echo("now run guardrail log verify, and guardrail log witness if there are witnesses")


COMMANDS = (recover,)
