"""`guardrail log hold`: what is neither shredded nor expired."""

from __future__ import annotations

import sys
from typing import Any

import click

from guardrail.cli.log_options import common, evidence, period, print_json

HOLD_EXAMPLES = """\b
Examples:
  guardrail log hold add CASE-7 --why "letter of 16 January" --jurisdiction JP --since 2026-01-01
  guardrail log hold add CASE-8 --why "police request" --subject u1029
  guardrail log hold list
  guardrail log hold release CASE-7 --why "closed" """
_WHY = click.option("--why", metavar="TEXT", required=True, help="Why; kept in the log.")


@click.group(epilog=HOLD_EXAMPLES)
def hold() -> None:
    """Legal holds: what one covers is neither shredded nor expired.

    A hold is an entry, and so is its release.
    """


@hold.command("add")
@evidence
@period
@click.argument("reference")
@_WHY
@click.option("--subject", metavar="ID", help="A caller's id in the clear.")
@click.option("--pseudonym", metavar="HEX", help="A caller's pseudonym, of one key epoch.")
@click.option("--attempt", metavar="ID", help="One attempt.")
@click.option("--rule", metavar="ID", help="Attempts that this rule decided.")
@click.option("--jurisdiction", metavar="CODE", help="Such as JP; US holds US-CA too.")
@click.option("--everything", is_flag=True, help="The whole log.")
def add(
    url: str | None, *, as_json: bool, reference: str, why: str, everything: bool, **given: Any
) -> None:
    """Hold whatever all of the options given fit, under the name REFERENCE."""
    from guardrail.log import open_tool
    from guardrail.log.access import os_identity
    from guardrail.log.holds import Scope, add_hold

    fields = {name: value for name, value in given.items() if value not in {None, ""}}
    if bool(fields) == everything:
        raise click.UsageError("say what to hold: at least one option, or --everything alone")
    with open_tool(url) as log:
        if "attempt" in fields:
            fields["attempt"] = log.attempt(fields["attempt"]).id
        if "jurisdiction" in fields:
            fields["jurisdiction"] = fields["jurisdiction"].upper()
        scope = Scope(user=fields.pop("subject", ""), **fields)
        seq = add_hold(log, os_identity(), reference, why, scope)
    _told(seq, reference, "in force", as_json=as_json)


@hold.command()
@evidence
@click.argument("reference")
@_WHY
def release(url: str | None, *, as_json: bool, reference: str, why: str) -> None:
    """Release the hold REFERENCE."""
    from guardrail.log import open_tool
    from guardrail.log.access import os_identity
    from guardrail.log.holds import release_hold

    with open_tool(url) as log:
        seq = release_hold(log, os_identity(), reference, why)
    _told(seq, reference, "released", as_json=as_json)


def _told(seq: int, reference: str, state: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"hold": reference, "state": state, "entry": seq})
    else:
        click.echo(f"hold {reference} is {state}; entry {seq} says so")


@hold.command("list")
@common
def list_(url: str | None, *, as_json: bool) -> None:
    """List the holds in force: a table on a terminal, JSON lines in a pipe."""
    from guardrail.log import open_log
    from guardrail.log.holds import read_holds

    with open_log(url, readonly=True) as log, log.reading() as session:
        found = read_holds(session, log.vault)
    for each in found:
        scope = {**each.scope}
        if as_json or not sys.stdout.isatty():
            print_json(
                {
                    "hold": each.reference,
                    "entry": each.seq,
                    "at": each.at,
                    "why": each.why,
                    "by": dict(each.by),
                    "scope": scope,
                }
            )
        else:
            what = ", ".join(f"{name} {value}" for name, value in scope.items()) or "everything"
            click.echo(f"{each.reference}  since {each.at[:19]}Z  {what}  ({each.why})")
