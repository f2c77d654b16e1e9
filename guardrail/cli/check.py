"""`guardrail check`: the decision on one prompt, explained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.errors import ConfigurationError, InputError
from guardrail.records import Caller, Jurisdiction, Operation

if TYPE_CHECKING:
    from guardrail.records import Image, Request


@click.command(short_help="Explain the decision on one prompt.")
@click.argument("prompt")
@click.option(
    "--operation",
    type=click.Choice([operation.value for operation in Operation]),
    help="What is asked for.  [default: chat, with --image: image.edit]",
)
@click.option("--image", "images", multiple=True, metavar="FILE", help="A picture sent along.")
@click.option(
    "--policy",
    default="default",
    show_default=True,
    metavar="FILE",
    help="A policy file, or the name of a shipped policy.",
)
@click.option("--tier", default="free", show_default=True, help="The caller's tier.")
@click.option("--age-verified", is_flag=True, help="The caller's age is verified.")
@click.option(
    "--jurisdiction",
    default="",
    metavar="CODE",
    help="The caller's ISO 3166 code, such as JP or US-CA.  [default: unknown]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def check(
    *, prompt: str, as_json: bool, policy: str, images: tuple[str, ...], **caller: Any
) -> None:
    """Explain the decision on PROMPT; - reads it from stdin.

    Shows what was found and where, the rules that match, the decision for
    this caller, and what other callers would get. Nothing is logged.
    """
    from guardrail.cli.explanation import explain
    from guardrail.detect import warm_up
    from guardrail.guard import Guard, UnsafeNoLog

    operation = caller.pop("operation") or ("image.edit" if images else "chat")
    guard = Guard(policy, log=UnsafeNoLog())
    warm_up(guard.detectors)
    pictures = _pictures(images, guard.policy.limits.image_bytes)
    request = _request(_text(prompt), Operation(operation), pictures, _caller(**caller))
    explanation = explain(guard, request)
    if as_json:
        from guardrail.cli.explanation import as_object

        click.echo(as_object(explanation), nl=False)
        return
    from guardrail.cli.console import console
    from guardrail.cli.explained import show

    show(explanation, console())


def _text(prompt: str) -> str:
    if prompt != "-":
        return prompt
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"stdin is not UTF-8: byte {error.start + 1}") from error


def _caller(tier: str, jurisdiction: str, *, age_verified: bool) -> Caller:
    from guardrail.policy.jurisdictions import is_place

    place = Jurisdiction(jurisdiction)
    if place.code and not is_place(place.code):
        raise click.BadParameter("expected an ISO 3166 code such as JP or US-CA")
    return Caller(tier=tier, age_verified=age_verified, jurisdiction=place)


def _pictures(paths: tuple[str, ...], limit: int) -> tuple[Image, ...]:
    from guardrail.cli.files import ImageFolder

    for path in paths:
        if not Path(path).is_file():
            raise ConfigurationError(f"cannot read {path}: no such file")
    return tuple(map(ImageFolder(".", limit), paths))


def _request(text: str, operation: Operation, images: tuple[Image, ...], caller: Caller) -> Request:
    from guardrail.records import Request

    return Request.of(text, operation, images=images, caller=caller)
