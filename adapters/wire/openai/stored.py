"""Chat completions kept by the provider: what is fetched is screened as an output of its own."""

from __future__ import annotations

from guardrail.adapters.wire.codec import Asked, Codec
from guardrail.adapters.wire.content import items
from guardrail.adapters.wire.http import Call, Reply
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.openai.rest import chat_rest, read_with
from guardrail.adapters.wire.replied import chat_output
from guardrail.adapters.wire.strict import reply_object
from guardrail.records import Operation, Output, Request


def _read(call: Call, limit_bytes: int) -> Asked:
    del call, limit_bytes
    return Asked(Request(Operation.CHAT))


def _several(reply: Reply) -> Output:
    body = reply_object(reply)
    if not isinstance(body.get("data"), list):
        raise ValueError("a list without data")  # noqa: TRY004  its shape
    outputs = [chat_rest(chat_output(one), one) for one in items(body["data"])]
    return Output(
        tuple(part for output in outputs for part in output.parts),
        tuple(image for output in outputs for image in output.images),
        next((output.problem for output in outputs if output.problem), ""),
    )


ONE = Codec("openai.chat.stored", Operation.CHAT, DIALECT, _read, read_with(chat_output))
SEVERAL = Codec("openai.chat.stored.list", Operation.CHAT, DIALECT, _read, _several)
