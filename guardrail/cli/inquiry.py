"""`guardrail inquiry`: answer a regulator's letter from the attempt log."""

from __future__ import annotations

import click


@click.group()
def inquiry() -> None:
    """Answer."""


@inquiry.command()
@click.argument("file")
@click.option("--log","url")
@click.option("--out")
@click.option("--why", default="")
def build(file, url, out, why):
    from pathlib import Path
    from guardrail.audit.build import build as make
    from guardrail.audit.source import Source
    from guardrail.log import locate
    made = make(Path(file), Source(locate(url)), Path(out), why=why, watch=lambda t: click.echo(t, err=True))
    print(made)
