"""An `Explanation` printed for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from guardrail.cli.console import ACTION_STYLES
from guardrail.cli.excerpt import Mark, key, shown, underlined
from guardrail.cli.explanation import PLACES, Explanation, located
from guardrail.detect.second import NAME
from guardrail.messages import message_for
from guardrail.records import Action, Decision, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from guardrail.records import Facts, Request, Scan

_STYLES = {"sexual": "red", "minor": "magenta", "person": "cyan", "edit": "yellow"}
_OTHER_STYLE = "blue"
_MAX_SHOWN = 4000
"""Code points of a part that are printed at most."""


def show(explanation: Explanation, console: Console) -> None:
    """Print the prompt with what was found, the facts, the rules and the decisions."""
    request, screening = explanation.request, explanation.screening
    findings = located(screening.scans)
    console.print(_heading(request))
    for index, part in enumerate(request.parts):
        marks = [_mark(n, f) for n, f in enumerate(findings) if f.span and f.span.part == index]
        for row in underlined(part.text[:_MAX_SHOWN], marks, console.width - 4):
            console.print(Padding(row, (0, 0, 0, 2), expand=False))
        if len(part.text) > _MAX_SHOWN:
            console.print(f"  ... and {len(part.text) - _MAX_SHOWN:,} characters more")
    console.print()
    if findings:
        console.print(_found(findings, request))
    for line in (*_facts(screening.facts), *_second_stage(screening.scans)):
        console.print(Text("  ").append(line))
    if screening.problem:
        console.print(Text(f"  not read in full: {screening.problem}"))
    console.print()
    _show_rules(explanation, console)
    _show_decision(explanation, console)
    console.print("What other callers would get:")
    console.print(_others(explanation))
    console.print(Text(f"policy {screening.decision.policy}", style="dim"))


def _heading(request: Request) -> Text:
    caller = request.caller
    verified = "age verified" if caller.age_verified else "age not verified"
    place = caller.jurisdiction.code or "unknown"
    line = Text(f"{request.operation.value}", style="bold")
    line.append(
        f" asked by: tier {caller.tier}, {verified}, jurisdiction {place}", style="not bold"
    )
    if request.images:
        line.append(f", {len(request.images)} picture(s) sent along", style="not bold")
    return line.append(":", style="not bold")


def _mark(index: int, finding: Finding) -> Mark:
    assert finding.span is not None  # noqa: S101 (only located findings come here)
    style = _STYLES.get(finding.label, _OTHER_STYLE)
    return Mark(key(index), finding.span.start, finding.span.end, style)


def _found(findings: list[Finding], request: Request) -> Table:
    table = Table.grid(padding=(0, 2))
    for index, finding in enumerate(findings):
        style = _STYLES.get(finding.label, _OTHER_STYLE)
        span = finding.span
        quoted = shown(request.parts[span.part].text[span.start : span.end]) if span else ""
        place = f"{span.start}-{span.end}" if span else ""
        said = Text(f"{finding.label} {finding.value}".strip() + _details(finding))
        row = (Text(f"  {key(index)}", style=style), Text(quoted, style=style), place, said)
        table.add_row(*row, f"{finding.score:.2f}", Text(finding.detector, style="dim"))
    return table


def _details(finding: Finding) -> str:
    words = [finding.role.value] if finding.role else []
    if finding.label == "person":
        words.append("name" if finding.name else "reference")
    words += [word for word in ("minor", "protected", "consented") if getattr(finding, word)]
    return f" ({', '.join(words)})" if words else ""


def _facts(facts: Facts) -> Iterator[str]:
    """Yield one line a fact."""
    sexual = facts.sexual
    yield f"sexual: {sexual.severity.label} ({sexual.score:.2f})"
    yield f"minor: {'yes' if facts.minor.present else 'no'} ({facts.minor.score:.2f})"
    real = sum(person.real and person.depicted for person in facts.persons)
    yield f"persons: {len(facts.persons)}, of them real and depicted: {real}"
    if facts.edit_of_photo or facts.undress:
        yield "edit: " + ("undresses somebody" if facts.undress else "of a photo")
    if facts.intent:
        yield f"intent: {facts.intent}"
    for name, values in (
        ("disguised by", facts.obfuscated),
        ("labels", facts.labels),
        ("could not be scanned", facts.unscanned),
    ):
        if values:
            yield f"{name}: {', '.join(sorted(values))}"


def _second_stage(scans: Iterable[Scan]) -> Iterator[str]:
    """Yield what the second stage was asked and said, where the policy has one."""
    for scan in scans:
        if scan.detector != NAME:
            continue
        if scan.status == "skipped":
            yield f"second stage: not asked, nothing is in doubt ({scan.version})"
            continue
        said = ", ".join(dict.fromkeys(f"{f.label} {f.value}" for f in scan.findings))
        answer = f"no answer: {scan.problem}" if scan.unscanned else said or "nothing that counts"
        yield f"second stage: {answer} ({scan.version}, {scan.ms:.0f} ms)"


def _show_rules(explanation: Explanation, console: Console) -> None:
    console.print("Rules that match:" if explanation.rules else "No rule matches.")
    for rule in explanation.rules:
        floor = " (floor: no tier, caller or overlay lifts it)" if rule.floor else ""
        console.print(Text(f"  {rule.id}{floor}"))
        for law in rule.law:
            console.print(Text(f"    {law}", style="dim"))
    console.print()


def _show_decision(explanation: Explanation, console: Console) -> None:
    decision = explanation.screening.decision
    line = Text("Decision: ").append(_word(decision)).append(f", reason {decision.reason}")
    if decision.rule:
        line.append(f", by rule {decision.rule}")
    console.print(line)
    if decision.action is not Action.ALLOW:
        said = message_for(decision, explanation.request.caller)
        console.print(Text(f"  the user is told: {said}"))
    if decision.obligations:
        console.print(Text(f"  what comes out owes: {', '.join(decision.obligations)}"))
    console.print()


def _word(decision: Decision) -> Text:
    return Text(decision.action.label, style=ACTION_STYLES[decision.action])


def _others(explanation: Explanation) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_row("", *(Text(place, style="bold") for place in PLACES))
    for sort, places in explanation.others.items():
        table.add_row(Text(f"  {sort}"), *(_word(decision) for decision in places.values()))
    return table
