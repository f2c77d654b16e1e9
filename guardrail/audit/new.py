"""Writes the file of a new inquiry, from a template and what is known so far."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from guardrail.audit.inquiry import InquiryModel, at_of, moment_of
from guardrail.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.audit.localized import LocalizedModel
    from guardrail.audit.template import TemplateModel

_DAY = 86_400_000_000_000
_HEAD = """\
# An inquiry, as `guardrail inquiry build` reads it. Days are those of `utc_offset`; `until` is the
# first day that is not asked about. Empty lists in `scope` ask for everything. Statutes and duties
# named here are orientation, not legal advice, and are not verified.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is known of an inquiry; None or empty: as the template has it."""

    reference: str | None = None
    authority: str | None = None
    received: str | None = None
    due: str | None = None
    since: str | None = None
    until: str | None = None
    jurisdictions: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    organisation: str | None = None
    name: str | None = None
    email: str | None = None


def write_inquiry(path: Path, name: str, template: TemplateModel, wishes: Wishes) -> None:
    """Write the file, which must not be there yet. name: of the template, as the file names it.

    Raises ConfigurationError when it is there or cannot be written, InputError for a bad wish.
    """
    fields = _fields(name, template, wishes)
    try:
        InquiryModel.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{place}: {first.get('ctx', {}).get('what', first['msg'])}") from None
    text = yaml.safe_dump(fields, allow_unicode=True, sort_keys=False, width=100)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise ConfigurationError(
            f"{path} is there already; give another --output, or move it away"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_HEAD + text)


def _fields(name: str, template: TemplateModel, wishes: Wishes) -> dict[str, Any]:
    offset = template.scope.utc_offset
    received = wishes.received or _day(time.time_ns(), offset)
    at = at_of(received, offset)
    until = wishes.until or _day(at, offset)
    since = wishes.since or _day(at_of(until, offset) - template.scope.days * _DAY, offset)
    contact = {"organisation": wishes.organisation, "name": wishes.name, "email": wishes.email}
    return {
        "inquiry": 1,
        "template": name,
        "authority": wishes.authority or _plain(template.authority),
        "reference": wishes.reference or "",
        "received": received,
        "due": wishes.due or moment_of(at + template.time, offset).strftime("%Y-%m-%dT%H:%M"),
        "languages": [*(wishes.languages or template.languages)],
        "scope": {
            "since": since,
            "until": until,
            "utc_offset": offset,
            "jurisdictions": [*(wishes.jurisdictions or template.scope.jurisdictions)],
            "operations": [*(wishes.operations or template.scope.operations)],
            "reasons": [*wishes.reasons],
        },
        "contact": {key: value or "" for key, value in contact.items()},
        "questions": [_question(question) for question in template.questions],
        "samples": 20,
        "evidence": template.evidence,
    }


def _question(question: Any) -> dict[str, Any]:
    fields = {"id": question.id, "text": _plain(question.text), "sections": [*question.sections]}
    if question.answer is not None:
        fields["answer"] = _plain(question.answer)
    return fields


def _plain(text: LocalizedModel) -> str | dict[str, str]:
    return text.en if text.en == text.ja else {k: v for k, v in text.model_dump().items() if v}


def _day(at: int, offset: int) -> str:
    return moment_of(at, offset).strftime("%Y-%m-%d")
