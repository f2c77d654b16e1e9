"""One question to a judge, by LiteLLM."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from guardrail.adapters._litellm_support import litellm
from guardrail.adapters.judge.answers import Scores, read, read_scores
from guardrail.adapters.judge.budget import DayBudget
from guardrail.adapters.judge.line import Line
from guardrail.adapters.judge.prompt import Question, question, schema, speaks
from guardrail.detect.second.opinion import BadAnswer
from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.adapters.judge.families import Family
    from guardrail.policy.second import Judge

_LINE = Line()
_NO_KEY = "none"  # so that LiteLLM sends no key that it finds to a server that was not to have one
_OVERHEAD = 1_000  # tokens that a server's own template may add
_UNSEEN: Mapping[str, Any] = {
    "no-log": True,
    "caching": False,
    "cache": {"no-cache": True, "no-store": True},
    "num_retries": 0,
    "max_retries": 0,
}


class LiteLLMJudge:
    """Asks one model about texts; safe to call from several threads.

    A call says nothing of the caller or the request, is tried once, is kept by no cache of
    LiteLLM's and reported to none of its loggers. limit: seconds for one, all told.
    """

    def __init__(self, judge: Judge, family: Family, limit: float) -> None:
        self.version = f"judge:{judge.family}:{judge.model}@{family.digest}"
        self._judge, self._family, self._limit = judge, family, limit
        self._max_tokens = (not family.cut and judge.max_tokens) or family.max_tokens
        self._there = _there(judge)
        self._budget = DayBudget(judge.per_day, judge.tokens_per_day)
        litellm().suppress_debug_info = True  # it would print at every failure, on stdout
        main = import_module("litellm.main")  # which stays as it is where `litellm` is patched
        self._complete, self._score = main.acompletion, main.amoderation

    def believes(self, text: str) -> bool:
        """Whether nothing in a text may speak to the judge."""
        return not speaks(self._family, text)

    def scores(self, text: str) -> Scores:
        """What the judge makes of a text.

        Raises BadAnswer where it gives no answer, OverBudget, TimeoutError, and what LiteLLM does.
        """
        try:
            asked = question(self._family, text)
        except ValueError as problem:
            raise BadAnswer(str(problem)) from None
        most = self._most(asked)
        day = self._budget.take(most)
        ask = self._moderate if self._family.call == "moderation" else self._chat
        scores, cost = _LINE.ask(lambda: ask(asked), self._limit)
        self._budget.settle(day, most, cost or most)
        if isinstance(scores, BadAnswer):
            raise scores
        return scores

    def _most(self, asked: Question) -> int:
        """Tokens that a call can cost: one has a byte at least."""
        sent = sum(len(message["content"].encode("utf-8", "replace")) for message in asked.messages)
        return sent + _OVERHEAD + self._max_tokens

    async def _chat(self, asked: Question) -> tuple[Scores | BadAnswer, int]:
        options: dict[str, Any] = {**self._family.params}
        if self._family.schema:
            options["response_format"] = schema()
        if self._family.extra:
            options["extra_body"] = dict(self._family.extra)
        reply = await self._complete(
            messages=[dict(message) for message in asked.messages],
            temperature=0,
            max_tokens=self._max_tokens,
            drop_params=True,
            **options,
            **self._there,
            **_UNSEEN,
            timeout=self._limit + 1.0,  # later than the call is cut off
        )
        try:
            return read(self._family, self._said(reply), asked.check), _cost(reply)
        except BadAnswer as problem:
            return problem, _cost(reply)

    async def _moderate(self, asked: Question) -> tuple[Scores | BadAnswer, int]:
        (message,) = asked.messages
        there = {"base_url": self._there.get("api_base"), "api_key": self._there.get("api_key")}
        async with import_module("openai").AsyncOpenAI(**there, max_retries=0) as client:
            reply = await self._score(
                input=message["content"], model=self._judge.model, client=client, **_UNSEEN
            )
        try:
            return read_scores(self._family, _category_scores(reply)), 0
        except BadAnswer as problem:
            return problem, 0

    def _said(self, reply: Any) -> str:
        """The one finished message of a reply; BadAnswer where it is anything else."""
        choices = getattr(reply, "choices", None)
        if not isinstance(choices, list) or len(choices) != 1:
            raise BadAnswer("not one choice")
        message = getattr(choices[0], "message", None)
        said = getattr(message, "content", None)
        ends = {"stop", "length"} if self._family.cut else {"stop"}
        if choices[0].finish_reason not in ends or not isinstance(said, str):
            raise BadAnswer("not a finished message")
        if getattr(message, "tool_calls", None) or getattr(message, "refusal", None):
            raise BadAnswer("a call or a refusal, not an answer")
        return said


def _there(judge: Judge) -> dict[str, Any]:
    there = {"model": judge.model}
    if judge.url:
        there["api_base"] = judge.url
    if judge.key_env:
        there["api_key"] = _key(judge.key_env)
    elif judge.url:
        there["api_key"] = _NO_KEY
    return there


def _key(name: str) -> str:
    key = os.environ.get(name, "").strip()
    if not key:
        raise ConfigurationError(f"the judge's key is not in ${name}")
    return key


def _cost(reply: Any) -> int:
    """Tokens that a reply says it did cost; 0: it says nothing."""
    cost = getattr(getattr(reply, "usage", None), "total_tokens", None)
    return cost if isinstance(cost, int) and cost > 0 else 0


def _category_scores(reply: Any) -> Mapping[str, Any]:
    results = getattr(reply, "results", None)
    if not isinstance(results, list) or len(results) != 1:
        raise BadAnswer("not one moderation")
    found = getattr(results[0], "category_scores", None)
    dump = getattr(found, "model_dump", None)
    scores = dump(by_alias=True) if callable(dump) else found
    if not isinstance(scores, dict):
        raise BadAnswer("not a moderation")
    return scores
