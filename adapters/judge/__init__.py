"""A language model as judge of what the first stage is in doubt of, asked through LiteLLM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.adapters.judge.asking import LiteLLMJudge
from guardrail.adapters.judge.families import family

if TYPE_CHECKING:
    from guardrail.policy.second import Judge

__all__ = ["LiteLLMJudge", "open_judge"]


def open_judge(judge: Judge, limit: float) -> LiteLLMJudge:
    """The judge that a policy sets, asked at most `limit` seconds for each text.

    LiteLLM is imported, nobody is asked yet. Raises ConfigurationError where it is not installed,
    or the key is not there.
    """
    return LiteLLMJudge(judge, family(judge.family), limit)
