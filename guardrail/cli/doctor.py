"""`guardrail doctor`: what is installed, and whether it works."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from guardrail.cli.checks import Check

SOMETHING_WRONG = 1
EXAMPLES = """\b
Examples:
  guardrail doctor
  guardrail doctor --probe httpx --probe asgi
  guardrail doctor --probe app.main:app --log sqlite:///attempts.db
  guardrail doctor --probe https://gateway.example --key-env GATEWAY_KEY"""
_SIGNS = {"ok": ("ok", "green"), "absent": ("--", "yellow"), "wrong": ("WRONG", "bold red")}


@click.command(short_help="Say what is installed and whether it works.", epilog=EXAMPLES)
@click.option(
    "--policy",
    default="default",
    show_default=True,
    metavar="FILE",
    help="A policy file, or the name of a shipped policy.",
)
@click.option(
    "--log",
    metavar="URL",
    help="The attempt log to look at.  [default: $GUARDRAIL_LOG, else the user's own; with "
    "--probe none]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
@click.option(
    "--probe",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Send requests instead, and prove that each is screened and logged: a URL, a shipped "
    "adapter (httpx, httpx-async, asgi, litellm, langchain), or module:object. Repeatable.",
)
@click.option("--key-env", metavar="NAME", help="The variable that holds the API key.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="[KIND=]NAME",
    help="The model to ask for, such as gpt-5 or image=gpt-image-1.  [default: the first listed]",
)
@click.option(
    "--upstream",
    metavar="stand-in[:PORT]",
    help="Be the model's server behind a URL, to prove what is done with its replies.",
)
@click.option("--only", multiple=True, metavar="TEXT", help="Only routes or names with this text.")
@click.option("--marker", metavar="TEXT", help="What has to be refused.  [default: a made-up one]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For one request.",
)
@click.pass_context
def doctor(ctx: click.Context, /, **given: Any) -> None:
    """Say what is installed and whether it works.

    Looks at the packages, the detectors, the policy and the attempt log, and
    says what to do about what is wrong. Leaves nothing behind.

    With --probe it sends a harmless and a forbidden request down every route
    instead, and names each hole. They reach the model and the attempt log.

    Exit status: 0 all is well, 1 something is wrong or there is a hole.
    """
    if given["targets"]:
        from guardrail.cli.probing import Wanted, probe

        well = probe(Wanted(**given))
    else:
        well = _checked(given["policy"], given["log"], as_json=given["as_json"])
    if not well:
        ctx.exit(SOMETHING_WRONG)


def _checked(policy: str, log: str | None, *, as_json: bool) -> bool:
    from guardrail.cli import checks as look
    from guardrail.cli.checks_attested import check_attested

    checks = [
        *look.check_packages(),
        *look.check_detectors(),
        look.check_policy(policy),
        *look.check_second_stage(policy),
        *look.check_log(log),
        *check_attested(log),
    ]
    wrong = sum(check.state == "wrong" for check in checks)
    if as_json:
        body = {"ok": not wrong, "checks": [asdict(check) for check in checks]}
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        _show(checks, wrong)
    return not wrong


def _show(checks: list[Check], wrong: int) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from guardrail.cli.console import console

    out = console()
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            out.print(Text(group, style="bold"))
        word, style = _SIGNS[check.state]
        line = Text(f"{word:6}", style=style).append(f"{check.name}: ", style="not bold default")
        out.print(
            Padding(line.append(check.detail, style="not bold default"), (0, 0, 0, 2), expand=False)
        )
        if check.remedy:
            out.print(Padding(Text(check.remedy, style="cyan"), (0, 0, 0, 8), expand=False))
    out.print(Text(f"{wrong} thing(s) wrong" if wrong else "all is well", style="bold"))
