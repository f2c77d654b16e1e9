"""Statements of reasons in the fields of the EU's DSA Transparency Database.

Source: Regulation (EU) 2022/2065 Art. 17, 24(5); the database's API, version 2. What is mapped to
what is a proposal, not legal advice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.audit.inquiry import moment_of
from guardrail.policy.jurisdictions import around, places

if TYPE_CHECKING:
    from guardrail.audit.records import Sampled

FIELDS = (
    "puid",
    "decision_visibility",
    "decision_visibility_other",
    "decision_ground",
    "illegal_content_legal_ground",
    "illegal_content_explanation",
    "incompatible_content_ground",
    "incompatible_content_explanation",
    "incompatible_content_illegal",
    "content_type",
    "content_type_other",
    "category",
    "category_specification",
    "category_specification_other",
    "decision_facts",
    "source_type",
    "automated_detection",
    "automated_decision",
    "territorial_scope",
    "content_language",
    "content_date",
    "application_date",
)
_ADULT = ("STATEMENT_CATEGORY_CYBER_VIOLENCE", "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE")
_MINOR = (
    "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
    "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE",
)
_OTHER = ("STATEMENT_CATEGORY_OTHER_VIOLATION_TC", "KEYWORD_OTHER")
_AGE = ("STATEMENT_CATEGORY_PROTECTION_OF_MINORS", "KEYWORD_AGE_SPECIFIC_RESTRICTIONS")
_REFUSED = "generation refused before anything was published"
_TERMS = "the operator's generation policy"


def statement(attempt: Sampled) -> dict[str, Any]:
    """One attempt that was refused or gated, as a statement of reasons; lists stay lists."""
    said, asked = attempt.said, attempt.opened
    decision, facts = said["decision"], said.get("facts", {})
    gated = decision["action"] == "gate"
    law = [text for text in decision.get("law", ()) if _european(text)]
    category, keyword = _category(facts, gated=gated)
    terms = f"rule {decision['rule']}, reason {decision['reason']}"
    day = moment_of(attempt.at).strftime("%Y-%m-%d")
    visibility = "CONTENT_AGE_RESTRICTED" if gated else "OTHER"
    ground = "ILLEGAL_CONTENT" if law and not gated else "INCOMPATIBLE_CONTENT"
    illegal = ground == "ILLEGAL_CONTENT"
    return {
        "puid": attempt.id,
        "decision_visibility": [f"DECISION_VISIBILITY_{visibility}"],
        "decision_visibility_other": "" if gated else _REFUSED,
        "decision_ground": f"DECISION_GROUND_{ground}",
        "illegal_content_legal_ground": "; ".join(law) if illegal else "",
        "illegal_content_explanation": terms if illegal else "",
        "incompatible_content_ground": "" if illegal else _TERMS,
        "incompatible_content_explanation": "" if illegal else terms,
        "incompatible_content_illegal": "" if illegal else "No",
        "content_type": [_content(str(asked.get("operation", "")))],
        "content_type_other": "",
        "category": category,
        "category_specification": [keyword],
        "category_specification_other": decision["reason"] if keyword == _OTHER[1] else "",
        "decision_facts": _facts(said, decision),
        "source_type": "SOURCE_VOLUNTARY",
        "automated_detection": "Yes",
        "automated_decision": "AUTOMATED_DECISION_FULLY",
        "territorial_scope": _territory(asked),
        "content_language": "",
        "content_date": day,
        "application_date": day,
    }


def _european(law: str) -> bool:
    code = law.partition(":")[0].strip()
    return "EU" in around(code)


def _category(facts: dict[str, Any], *, gated: bool) -> tuple[str, str]:
    if facts.get("minor", {}).get("present"):
        return _MINOR
    if gated:
        return _AGE
    real = any(person.get("kind") != "fictional" for person in facts.get("persons", ()))
    sexual = facts.get("sexual", {}).get("severity", "none") != "none" or facts.get("undress")
    return _ADULT if real and sexual else _OTHER


def _content(operation: str) -> str:
    return "CONTENT_TYPE_TEXT" if operation in {"chat", "text"} else "CONTENT_TYPE_SYNTHETIC_MEDIA"


def _facts(said: dict[str, Any], decision: dict[str, Any]) -> str:
    detectors = sorted({str(scan.get("detector")) for scan in said.get("scans", ())})
    stage = said.get("stage") or decision.get("stage", "input")
    return (
        f"A generation request was screened at the {stage} by "
        f"{', '.join(detectors) or 'no detector'} and met the rule {decision['rule']}; no text of "
        "the request is kept in the clear."
    )


def _territory(asked: dict[str, Any]) -> list[str]:
    code = str(asked.get("jurisdiction", {}).get("code", "")).partition("-")[0]
    union = sorted(place for place, group in places().items() if group == "EU")
    return [code] if code in union else union
