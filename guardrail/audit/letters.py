"""Letters and answers: Jinja text with figures, in a sandbox, then paragraphs and lists.

Blank lines part paragraphs; lines that begin with `- ` are a list, with `# ` a heading. There is no
other markup, so that what an operator writes reads the same in HTML and in the PDF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.audit.document import Block, Bullets, Heading, Paragraph
from guardrail.audit.extra import needed
from guardrail.audit.formats import day, minute, shown, zone
from guardrail.audit.tallies import tally
from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail.audit.gather import Evidence
    from guardrail.audit.localized import Language

NAMES = (
    "authority",
    "reference",
    "organisation",
    "name",
    "email",
    "received",
    "due",
    "since",
    "until",
    "zone",
    "jurisdictions",
    "every",
    "attempts",
    "released",
    "refused",
    "gated",
    "failed",
    "cancelled",
    "unfinished",
    "kept",
    "share",
    "users",
    "repeat_users",
    "policies",
    "changes",
    "controls",
    "p50",
    "p95",
    "p99",
    "entries",
    "root",
    "signed",
)
"""What a letter or an answer may say: numbers come as text, with thousands separated."""


def figures(evidence: Evidence, language: Language) -> dict[str, str]:
    """The value of every name."""
    inquiry, pinned = evidence.inquiry, evidence.pinned
    every, scoped = tally(evidence.every), tally(evidence.counts, evidence.groups)
    offset = inquiry.scope.utc_offset
    times = dict(evidence.ends.latency).get("all")
    counted = ("released", "refused", "gated", "failed", "cancelled", "unfinished", "kept")
    numbers = {
        "every": every.opened,
        "attempts": scoped.opened,
        **{name: getattr(scoped, name) for name in counted},
        "users": evidence.users,
        "repeat_users": sum(users for times, users in evidence.repeats if times > 1),
        "policies": len(evidence.history),
        "changes": len(evidence.changes),
        "controls": _in_force(evidence),
        "entries": pinned.checkpoint.size,
    }
    return {
        "authority": inquiry.authority.text(language),
        "reference": inquiry.reference,
        "organisation": inquiry.contact.organisation,
        "name": inquiry.contact.name,
        "email": inquiry.contact.email,
        "received": inquiry.received,
        "due": inquiry.due,
        "since": day((inquiry.scope.start + inquiry.scope.offset) // 86_400_000_000_000),
        "until": day((inquiry.scope.end + inquiry.scope.offset) // 86_400_000_000_000),
        "zone": zone(offset),
        "jurisdictions": ", ".join(inquiry.scope.jurisdictions),
        "share": shown(scoped.stopped, "share"),
        **{name: f"{number:,}" for name, number in numbers.items()},
        **{
            name: shown(getattr(times, name) if times else None, "ms")
            for name in ("p50", "p95", "p99")
        },
        "root": pinned.checkpoint.root.hex(),
        "signed": minute(pinned.at, offset),
    }


def _in_force(evidence: Evidence) -> int:
    """Rules in force at the end; where no entry says which, those that decided something."""
    end = evidence.inquiry.scope.end
    if evidence.controls:
        return sum(
            one.since < end and (one.until is None or one.until >= end) for one in evidence.controls
        )
    return len({group.rule for group in evidence.groups if group.rule})


def render(source: str, values: Mapping[str, Any], where: str) -> str:
    """Jinja text with values put in; raises ConfigurationError that names `where` and the line."""
    jinja2, sandbox = needed("jinja2"), needed("jinja2.sandbox")
    environment = sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    try:
        text: str = environment.from_string(source).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise ConfigurationError(f"{where}:{error.lineno}: {error.message}") from None
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        known = ", ".join(sorted(values))
        raise ConfigurationError(f"{where}: {error}; a text may use {known}") from None
    return text


def blocks(text: str) -> tuple[Block, ...]:
    """Paragraphs, lists and headings of plain text."""
    return tuple(_blocks(text))


def _blocks(text: str) -> Iterator[Block]:
    for part in "\n".join(line.rstrip() for line in text.splitlines()).split("\n\n"):
        lines = part.strip("\n").split("\n")
        if lines[0].startswith("# "):
            yield Heading(lines.pop(0).removeprefix("# "))
        while lines:
            listed = lines[0].startswith("- ")
            taken = _run(lines, listed)
            if listed:
                yield Bullets(tuple(line.removeprefix("- ") for line in taken))
            elif any(taken):
                yield Paragraph("\n".join(taken))
            lines = lines[len(taken) :]


def _run(lines: list[str], listed: bool) -> list[str]:
    end = next((n for n, line in enumerate(lines) if line.startswith("- ") is not listed), None)
    return lines[:end]
