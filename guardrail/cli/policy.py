"""`guardrail policy`: check policy files, run their tests, print their schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from guardrail.errors import PolicyError

if TYPE_CHECKING:
    from guardrail.errors import Problem
    from guardrail.policy.casetest import Outcome, Report

_FAILED = 1


@click.group(short_help="Lint and test policies.")
def policy() -> None:
    """Check policy files, run their tests, print their schema.

    A policy is named by its file, or by its name if it comes with Guardrail.
    """


@policy.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def lint(files: tuple[str, ...]) -> None:
    """Check that policies load, and say all that is wrong with them.

    Prints each problem as file:line:column: message, and "ok" with the digest
    for a good file; warnings go to stderr. Exits 1 if a policy has errors.
    """
    from guardrail.policy.casetest import SUFFIX

    good = [_lint_cases(file) if file.endswith(SUFFIX) else _lint(file) for file in files]
    if False in good:
        click.get_current_context().exit(_FAILED)


def _lint(file: str) -> bool:
    from guardrail.detect import known_detectors
    from guardrail.policy.loader import load

    try:
        loaded = load(file, known_detectors=known_detectors())
    except PolicyError as error:
        return _show_problems(error)
    for problem in loaded.warnings:
        click.echo(f"{_place(problem)} warning: {problem.message}", err=True)
    click.echo(f"{click.style('ok', fg='green')} {loaded.policy.ref}")
    return True


def _lint_cases(file: str) -> bool:
    from guardrail.detect import known_detectors
    from guardrail.policy.casetest import cases_of, run_tests

    try:
        report = run_tests(cases_of(file), known_detectors=known_detectors())
    except PolicyError as error:
        return _show_problems(error)
    click.echo(f"{click.style('ok', fg='green')} {file}: {len(report.outcomes)} cases")
    return True


def _show_problems(error: PolicyError) -> bool:
    for problem in error.problems:
        click.echo(f"{_place(problem)} {problem.message}")
    return False


def _place(problem: Problem) -> str:
    return click.style(f"{problem.file}:{problem.line}:{problem.column}:", bold=True)


@policy.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("-q", "--quiet", is_flag=True, help="Only failures and the summary.")
def test(files: tuple[str, ...], *, quiet: bool) -> None:
    """Run policy tests: by default those of every policy that comes with Guardrail.

    FILE is a policy (its tests lie beside it as NAME.test.yaml) or a test file.
    A rule that matches in no case is a failure too. Exits 1 on failures.
    """
    from guardrail.detect import known_detectors
    from guardrail.policy.casetest import cases_of, run_tests, shipped_tests

    passed = True
    for path in dict.fromkeys(map(cases_of, files)) if files else shipped_tests():
        try:
            report = run_tests(path, known_detectors=known_detectors())
        except PolicyError as error:
            passed = _show_problems(error)
            continue
        _show(report, quiet=quiet)
        passed = passed and report.passed
    if not passed:
        click.get_current_context().exit(_FAILED)


def _show(report: Report, *, quiet: bool) -> None:
    click.echo(f"{click.style(report.policy.name, bold=True)} {report.file}")
    for outcome in report.outcomes:
        if outcome.failures or not quiet:
            _show_outcome(outcome, report.file)
    for rule in report.uncovered:
        click.echo(f"  {click.style('FAIL', fg='red')}  rule {rule!r} matches in no case")
    failed = sum(bool(outcome.failures) for outcome in report.outcomes)
    rules = len(report.policy.every_rule)
    click.echo(
        f"  {len(report.outcomes) - failed} passed, {failed} failed, "
        f"{rules - len(report.uncovered)} of {rules} rules covered"
    )


def _show_outcome(outcome: Outcome, file: str) -> None:
    if not outcome.failures:
        decision = outcome.decision
        verdict = f"{decision.action.label:<6}  {decision.rule or '-'}"
        click.echo(f"  {click.style('pass', fg='green')}  {verdict:<36}  {outcome.name}")
        return
    click.echo(f"  {click.style('FAIL', fg='red')}  {outcome.name} ({file}:{outcome.line})")
    for failure in outcome.failures:
        click.echo(f"        {failure}")


@policy.command()
@click.option("--tests", is_flag=True, help="Of a policy test file instead.")
def schema(*, tests: bool) -> None:
    """Print the JSON Schema of a policy file, for editors and checkers."""
    from guardrail.policy import cases, schema

    text = (cases if tests else schema).json_schema()
    click.echo(json.dumps(text, indent=2, ensure_ascii=False))
