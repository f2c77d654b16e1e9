"""`guardrail log writer`: one process writes for all others of this machine."""

from __future__ import annotations

from pathlib import Path

import click

from guardrail.cli.log_options import url_option

WRITER_EXAMPLES = """\b
Examples:
  guardrail log writer --listen /run/guardrail/log.sock --log sqlite:////var/lib/guardrail/log.db
  GUARDRAIL_LOG=unix:///run/guardrail/log.sock uvicorn app:app --workers 8"""


@click.command(epilog=WRITER_EXAMPLES)
@url_option
@click.option(
    "--listen",
    "path",
    required=True,
    metavar="SOCKET",
    type=click.Path(path_type=Path),
    help="Unix socket to make, mode 0600.",
)
def writer(url: str | None, path: Path) -> None:
    """Write the attempt log for other processes, until SIGTERM or Ctrl-C.

    They open unix:///that/socket instead of the log. Attempts of all of them share one commit,
    and each is acknowledged once it is on disk. The log's keys are read here only; clients must
    be of the same user.
    """
    from guardrail.errors import ConfigurationError
    from guardrail.log import open_log
    from guardrail.log.remote.daemon import run_writer

    if (url or "").startswith("unix:"):
        raise ConfigurationError("--log is the log itself, such as sqlite:////var/lib/attempts.db")
    with open_log(url) as log:
        run_writer(log, path.absolute(), lambda: click.echo(f"writing for {path}", err=True))
