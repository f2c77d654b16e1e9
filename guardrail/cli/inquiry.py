"""`guardrail inquiry`: answer a regulator's letter from the attempt log, with proof."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.log_options import evidence, located, print_json

if TYPE_CHECKING:
    from guardrail.audit.build import Built
    from guardrail.audit.verify import Checked

FAULTS = 1
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_EXAMPLES = """\b
Examples:
  guardrail inquiry new --template cabinet-office-jp --received 2026-01-16
  guardrail inquiry new --template ofcom --reference "IR-2026/7" --output ofcom.yaml
  guardrail inquiry new --template ours.yaml --jurisdiction JP --since 2026-01-01"""
BUILD_EXAMPLES = """\b
Examples:
  guardrail inquiry build inquiry.yaml --out packs/
  guardrail inquiry build inquiry.yaml --out packs/ --decrypt --why complaint-17"""
VERIFY_EXAMPLES = """\b
Examples:
  guardrail inquiry verify packs/inquiry.zip --key log.vkey
  guardrail inquiry verify packs/inquiry/ --checkpoint january.checkpoint"""


@click.group()
def inquiry() -> None:
    """Answer an authority's inquiry from the attempt log.

    `new` writes what was asked into a small YAML file, `build` makes a signed
    pack of report, data and proofs from it, `verify` checks a pack.
    """


@inquiry.command(epilog=NEW_EXAMPLES)
@click.option(
    "--template", metavar="NAME", help="A template that comes with Guardrail, or a YAML file."
)
@click.option("--reference", metavar="TEXT", help="The authority's own reference.")
@click.option("--authority", metavar="TEXT", help="Who asks.  [default: the template's]")
@click.option("--received", metavar="TIME", help="Such as 2026-01-16.  [default: today, UTC]")
@click.option("--due", metavar="TIME", help="[default: received, and the template's time]")
@click.option("--since", metavar="TIME", help="[default: the template's days before received]")
@click.option("--until", metavar="TIME", help="Before.  [default: received]")
@click.option("--jurisdiction", "jurisdictions", multiple=True, metavar="CODE", help="Repeatable.")
@click.option("--operation", "operations", multiple=True, metavar="NAME", help="Repeatable.")
@click.option("--reason", "reasons", multiple=True, metavar="CODE", help="Repeatable.")
@click.option("--language", "languages", multiple=True, type=click.Choice(["en", "ja"]))
@click.option("--organisation", metavar="TEXT", help="Who answers.")
@click.option("--name", metavar="TEXT", help="Contact: a person.")
@click.option("--email", metavar="TEXT", help="Contact: where to.")
@click.option("--output", default="inquiry.yaml", show_default=True, metavar="FILE")
def new(template: str | None, output: str, **given: Any) -> None:
    """Write the file of an inquiry, ready to be edited.

    On a terminal it asks for what is not given. Statutes and duties that
    templates name are orientation, not legal advice, and are not verified.
    """
    from guardrail.audit.new import Wishes, write_inquiry
    from guardrail.audit.template import find_template, shipped

    if template is None:
        if not sys.stdin.isatty():
            raise click.UsageError(f"--template is one of {', '.join(shipped())}, or a file")
        template = str(click.prompt("Template", type=click.Choice(list(shipped()))))
    if sys.stdin.isatty():
        _ask(given)
    found = find_template(template, Path.cwd())
    path = Path(output)
    name = template if template in shipped() else os.path.relpath(found.path, path.parent)
    write_inquiry(path, name, found.model, Wishes(**given))
    click.echo(f"{path}: edit it, then run: guardrail inquiry build {path} --out DIR")


def _ask(given: dict[str, Any]) -> None:
    for name, text in (
        ("reference", "The authority's reference"),
        ("received", "Received (such as 2026-01-16)"),
        ("organisation", "Who answers"),
    ):
        if given[name] is None:
            given[name] = click.prompt(text, default="", show_default=False) or None


@inquiry.command(epilog=BUILD_EXAMPLES)
@evidence
@click.argument("file", type=FILE)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Where the pack goes: a folder, a zip and a signature, named like FILE.",
)
@click.option("--decrypt", is_flag=True, help="Show the beginnings of texts; needs --why.")
@click.option("--why", default="", metavar="REASON", help="Why; it is written into the log.")
def build(url: str | None, *, as_json: bool, file: Path, **given: Any) -> None:
    """Build the pack of the inquiry in FILE.

    The first time, the log is pinned as it is: FILE's lock file, beside it, says
    where. Later builds give the same pack, byte for byte, whatever was logged
    since. Who builds is written into the log before anything is read.

    Needs pip install 'likeness-guardrail[inquiry]'.
    """
    from guardrail.audit.build import Order
    from guardrail.audit.build import build as build_pack
    from guardrail.audit.source import Source

    decrypt, why = bool(given["decrypt"]), str(given["why"]).strip()
    if decrypt and not why:
        raise click.UsageError("--decrypt needs --why REASON; it is written into the log")
    source = Source(located(url))
    try:
        built = build_pack(Order(file, given["out"], decrypt, why), source, _told)
    finally:
        source.close()
    if as_json:
        print_json(_built_json(built))
    else:
        _show_built(built)


def _told(step: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{step} ...", err=True)


def _show_built(built: Built) -> None:
    told = built.statement
    click.echo(f"{built.folder}: {built.files:,} files, log of {told.size:,} entries")
    click.echo(f"{built.zip}: sha256 {told.zip}")
    click.echo(f"{built.note}: signed")
    if not built.whole:
        click.echo("the log itself is not in the pack; `evidence: log` in FILE puts it there")


def _built_json(built: Built) -> dict[str, Any]:
    told = built.statement
    return {
        "folder": str(built.folder),
        "zip": str(built.zip),
        "note": str(built.note),
        "files": built.files,
        "whole": built.whole,
        "size": told.size,
        "root": told.root,
        "manifest_sha256": told.manifest,
        "zip_sha256": told.zip,
    }


@inquiry.command(epilog=VERIFY_EXAMPLES)
@click.argument("pack", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--key",
    "key_text",
    metavar="VKEY",
    help="The log's public key, or a file that holds it, kept elsewhere.  "
    "[default: the one in the pack]",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A checkpoint kept elsewhere; needs a pack with the whole log. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    pack: Path,
    key_text: str | None,
    checkpoints: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Verify a pack, a folder or a zip, with nothing but the pack and a key.

    Checks the signature, every file, the checkpoint and every receipt; where the
    whole log is in the pack, also every entry, and that they bear out the figures.

    Exit status: 0 nothing is wrong, 1 something is, 2 could not run.
    """
    from guardrail.audit.verify import verify_pack
    from guardrail.cli.keys import read_keys
    from guardrail.cli.log_evidence import read_files

    key = read_keys([key_text], "--key")[0] if key_text else None
    checked = verify_pack(pack, key, read_files(checkpoints))
    if as_json:
        print_json(_checked_json(checked))
    else:
        _show_checked(pack, checked, believed=key is None)
    if not checked.ok:
        ctx.exit(FAULTS)


def _checked_json(checked: Checked) -> dict[str, Any]:
    names = ("ok", "files", "receipts", "entries", "size", "root")
    told = {name: getattr(checked, name) for name in names}
    return {**told, "key": str(checked.key), "faults": list(checked.faults)}


def _show_checked(pack: Path, checked: Checked, *, believed: bool) -> None:
    if checked.ok:
        whole = f", all {checked.entries:,} entries" if checked.entries else ""
        click.echo(
            f"ok: {pack}: {checked.files:,} files, {checked.receipts:,} receipts{whole}; "
            f"log of {checked.size:,} entries, root {checked.root}"
        )
    else:
        click.echo(f"WRONG: {pack}: {len(checked.faults):,} fault(s)")
        for fault in checked.faults:
            click.echo(f"  {fault}")
    if believed:
        click.echo(
            f"believed: {checked.key}, the key in the pack; give --key with one from elsewhere"
        )
