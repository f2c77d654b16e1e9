"""`guardrail doctor --probe`: sends the probes and shows what they prove."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import click

from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from guardrail.probe import Row, Settings

_STYLES = {"ok": "green", "HOLE": "bold red", "not proved": "yellow"}
_STANDIN = "stand-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for."""

    targets: Sequence[str]
    policy: str
    log: str | None
    key_env: str | None
    models: Sequence[str]
    upstream: str | None
    only: Sequence[str]
    marker: str | None
    timeout: float
    as_json: bool


@dataclass(slots=True)
class _Report:
    run: str
    rows: list[Row] = field(default_factory=list)
    requests: int = 0
    whole: bool = False

    @property
    def holes(self) -> int:
        return sum(row.verdict == "HOLE" for row in self.rows)


def probe(wanted: Wanted) -> bool:
    """Probe every target and show the rows; whether there is no hole.

    Raises ConfigurationError and InputError where something cannot be probed. What was proved
    before that, or before Ctrl-C, is shown.
    """
    from guardrail.adapters.service import required

    required("httpx", "httpx")
    from guardrail.records.attempt import new_id

    report = _Report(new_id())
    settings = _settings(wanted, report.run)
    with _shown(report, as_json=wanted.as_json):
        for target in wanted.targets:
            _one(target, wanted, settings, report)
        report.whole = True
    return not report.holes


def _one(target: str, wanted: Wanted, settings: Settings, report: _Report) -> None:
    from guardrail.cli.progress import drawing
    from guardrail.probe import Opening, opened, probed

    opening = Opening(
        target,
        settings,
        wanted.policy,
        wanted.log,
        wanted.timeout,
        _port(wanted.upstream),
        _ready,
    )
    with opened(opening) as prober, drawing() as draw:
        try:
            for row in probed(prober, draw):
                report.rows.append(row)
        finally:
            report.requests += prober.sent


def _settings(wanted: Wanted, run: str) -> Settings:
    from guardrail.probe import MARKER, Settings

    key = ""
    if wanted.key_env is not None and not (key := os.environ.get(wanted.key_env, "")):
        raise ConfigurationError(f"${wanted.key_env} is not set, and should hold the API key")
    models = dict(_named(model) for model in wanted.models)
    marker = wanted.marker or MARKER
    return Settings(run, key, models, marker, only=wanted.only)


def _named(model: str) -> tuple[str, str]:
    """`image=studio` names the model of a kind, `studio` that of all others."""
    from guardrail.probe import KINDS

    kind, equals, name = model.partition("=")
    return (kind, name) if equals and kind in KINDS else ("", model)


def _port(upstream: str | None) -> int | None:
    if upstream is None:
        return None
    name, _, port = upstream.partition(":")
    if name != _STANDIN or (port and not port.isdecimal()) or int(port or 0) > 65535:  # noqa: PLR2004
        raise ConfigurationError(f"--upstream is stand-in or stand-in:PORT, not {upstream!r}")
    return int(port or 0)


def _ready(origin: str) -> None:
    """Say where the stand-in is, and wait for whoever has to point something at it."""
    click.echo(f"a stand-in for the model's server listens at {origin}/v1", err=True)
    if sys.stdin.isatty():
        click.pause("point what is probed at it, then press a key ...", err=True)


@contextmanager
def _shown(report: _Report, *, as_json: bool) -> Iterator[None]:
    """Show what there is, however the block ends."""
    try:
        yield
    finally:
        if report.rows:
            (_as_json if as_json else _as_text)(report)


def _as_json(report: _Report) -> None:
    body = {
        "ok": report.whole and not report.holes,
        "complete": report.whole,
        "run": report.run,
        "requests": report.requests,
        "rows": [asdict(row) for row in report.rows],
    }
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))


def _as_text(report: _Report) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from guardrail.cli.console import console

    out = console()
    surface = ""
    for row in report.rows:
        if row.surface != surface:
            surface = row.surface
            out.print(Text(surface, style="bold"))
        line = Text(f"{row.verdict:10} ", style=_STYLES[row.verdict]).append(_line(row), "default")
        out.print(Padding(line, (0, 0, 0, 2), expand=False))
        for text, style in _under(row):
            out.print(Padding(Text(text, style=style), (0, 0, 0, 13), expand=False))
    out.print(Text(_sum(report), style="bold"))


def _line(row: Row) -> str:
    states = f"in {row.screened_in}, out {row.screened_out}, logged {row.logged}"
    told = f" ({row.error})" if row.error else ""
    return f"{row.name}, {row.route}: {states}{told}"


def _under(row: Row) -> Iterator[tuple[str, str]]:
    yield from ((hole, "red") for hole in row.holes)
    yield from ((why, "cyan") for why in row.why)
    if row.attempts:
        yield "attempts " + " ".join(row.attempts), "dim"


def _sum(report: _Report) -> str:
    unproved = sum(row.verdict == "not proved" for row in report.rows)
    whole = "" if report.whole else ", broken off"
    return (
        f"{report.holes} hole(s), {unproved} not proved, {len(report.rows)} rows{whole}; "
        f"{report.requests} requests, run {report.run}"
    )
