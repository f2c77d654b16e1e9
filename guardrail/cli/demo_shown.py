"""The demonstration as it is read: who asked what, what was decided, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.rule import Rule as Line
from rich.table import Table
from rich.text import Text

from guardrail.cli.console import ACTION_STYLES
from guardrail.records import Action, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from guardrail.cli.demo_requests import DemoRequest, Result
    from guardrail.policy import Policy
    from guardrail.records import AttemptClosed, Decision

_CALLS = {
    "chat": "asks a chat model",
    "image": "asks for a new picture",
    "edit": "asks to change the photo",
}
_STAGES = {
    Stage.INPUT: "before the model was called",
    Stage.OUTPUT: "after the model had answered; the answer was withheld",
    Stage.STREAM: "while the model was answering; the stream was stopped",
}


def show_start(out: Console, policy: Policy, count: int, model: str) -> None:
    """Say what is going to happen."""
    where = f"the model {model}" if model else "a stand-in model on this machine, over HTTP"
    out.print(
        "Guardrail stands between an application and a generative model. "
        f"{count} requests now go through a guarded LiteLLM client to {where}. "
        f"Each is screened, decided on by the policy {policy.ref.name} version "
        f"{policy.ref.version}, and recorded before the model may be called.\n"
    )


def show_request(
    out: Console, number: int, request: DemoRequest, result: Result, policy: Policy
) -> None:
    """Print one request and what came of it."""
    out.print(Line(Text(f"{number}", style="bold"), align="left", style="dim"))
    stream = " (streamed)" if request.stream else ""
    note = f", {request.note}" if request.note else ""
    out.print(Text(f"{request.who} {_CALLS[request.call]}{stream}{note}:", style="bold"))
    table = Table.grid(padding=(0, 2))
    table.add_row("   ", "asks", Text(f"“{request.prompt}”", style="italic"))
    for name, text in _rows(request, result, policy):
        table.add_row("", name, text)
    out.print(table)


def _rows(request: DemoRequest, result: Result, policy: Policy) -> Iterator[tuple[str, Text]]:
    if result.ended is None:
        yield "decision", Text("none was recorded")
        return
    decision = result.ended.decision
    yield "decision", _headline(result.ended)
    if decision.rule:
        yield "because", Text(_because(decision, policy))
    if result.failed:
        yield "model", Text(f"failed: {result.failed}")
        return
    told = decision.action is not Action.ALLOW and decision.stage is not Stage.STREAM
    yield "is told" if told else "gets", Text(result.told)
    if result.reached is not None:
        wanted = f"; it asked its tool for “{request.reply_call}”" if request.reply_call else ""
        yield "model", Text(f"called{wanted}" if result.reached else "never called")


def _headline(ended: AttemptClosed) -> Text:
    decision = ended.decision
    word = {Action.ALLOW: "ALLOWED", Action.GATE: "GATED", Action.REFUSE: "REFUSED"}
    head = Text().append(word[decision.action], style=ACTION_STYLES[decision.action])
    if decision.action is not Action.ALLOW:
        return head.append(f" {_STAGES[decision.stage]}")
    owed = ", ".join(decision.obligations)
    return head.append(f"; the output owes: {owed}" if owed else "")


def _because(decision: Decision, policy: Policy) -> str:
    """The rule's own description, and whether anything lifts it."""
    rules = {rule.id: rule for rule in policy.every_rule}
    rule = rules.get(decision.rule)
    if rule is None:
        return f"rule {decision.rule} ({decision.reason})"
    floor = " No tier or age check lifts this." if rule.floor else ""
    return f"{rule.description or rule.id}{floor} (rule {rule.id})"


def show_end(out: Console, ended: Sequence[AttemptClosed]) -> None:
    """Count what was decided and what reached the model."""
    out.print(Line(style="dim"))
    actions = [attempt.decision.action for attempt in ended]
    called = sum(attempt.model_called for attempt in ended)
    out.print(
        f"{len(ended)} attempts: {actions.count(Action.ALLOW)} allowed, "
        f"{actions.count(Action.GATE)} gated, {actions.count(Action.REFUSE)} refused; "
        f"the model was called {called} times.\n"
    )
