"""The `guardrail` command; each subcommand's module is imported only when it is used."""

from __future__ import annotations

import click

from guardrail import __version__
from guardrail.cli.group import LazyGroup

COMMANDS = {
    "screen": ("guardrail.cli.screen:screen", "Decide on each line of a JSON lines file."),
    "check": ("guardrail.cli.check:check", "Explain the decision on one prompt."),
    "policy": ("guardrail.cli.policy:policy", "Lint and test policies, print their schema."),
    "log": ("guardrail.cli.log:log", "Read the attempt log."),
    "serve": ("guardrail.cli.serve:serve", "Serve guarded routes to clients of models."),
    "witness": ("guardrail.cli.witness:witness", "Cosign the checkpoints of attempt logs."),
    "inquiry": ("guardrail.cli.inquiry:inquiry", "Answer an authority's inquiry, with proof."),
    "doctor": ("guardrail.cli.doctor:doctor", "Say what is installed and whether it works."),
    "demo": ("guardrail.cli.demo:demo", "Send real requests through a guarded client."),
}
"""Subcommands: where each is defined, and its line in `guardrail --help`."""


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="guardrail")
def main() -> None:
    """Guardrail stands between an application and a generative model.

    It reads each text or image generation request, decides by a YAML policy
    whether it may go on, and keeps an attempt log.

    Set NO_COLOR to switch colour off, GUARDRAIL_DEBUG=1 to see tracebacks.
    """


__all__ = ["COMMANDS", "main"]
