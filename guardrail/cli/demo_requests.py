"""The requests of the demonstration, and how each is sent through a guarded client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

from guardrail.errors import GuardrailError, RequestStopped
from guardrail.records import Caller, Jurisdiction

if TYPE_CHECKING:
    from guardrail.adapters.litellm import GuardedLiteLLM
    from guardrail.records import AttemptClosed, AttemptLog, AttemptOpened
    from guardrail.testing import StandInServer


_PICTURE_TOOL = {
    "name": "generate_image",
    "parameters": {"type": "object", "properties": {"prompt": {"type": "string"}}},
}


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """Who asks for what.

    before: earlier turns, the user's and the model's in turn. tool: one that makes pictures is
    offered. note: what a reader should know. reply, reply_call: what the stand-in model answers,
    or asks its tool for.
    """

    who: str
    caller: Caller
    call: Literal["chat", "image", "edit"]
    prompt: str
    before: Sequence[str] = ()
    tool: bool = False
    stream: bool = False
    note: str = ""
    reply: str = ""
    reply_call: str = ""


@dataclass(frozen=True, slots=True)
class Models:
    """The model of each kind of call, in LiteLLM's names."""

    chat: str
    image: str


class Witness:
    """An attempt log that passes everything on and remembers how attempts ended."""

    def __init__(self, log: AttemptLog) -> None:
        self._log = log
        self.ended: list[AttemptClosed] = []

    def open(self, entry: AttemptOpened) -> None:
        """Pass the entry on."""
        self._log.open(entry)

    def close(self, entry: AttemptClosed) -> None:
        """Pass the entry on and remember it."""
        self._log.close(entry)
        self.ended.append(entry)


@dataclass(frozen=True, slots=True)
class Result:
    """How one request went.

    told: what the user is told or given. ended: how the log closed it.
    reached: how many requests the stand-in server received for it; None with a real model.
    failed: type of the model's error, empty when there was none.
    """

    told: str
    ended: AttemptClosed | None
    reached: int | None = None
    failed: str = ""


def demo_requests() -> list[DemoRequest]:
    """Read the shipped requests."""
    import yaml

    text = files("guardrail.cli").joinpath("demo_requests.yaml").read_text("utf-8")
    return [_request(**fields) for fields in yaml.safe_load(text)]


def _request(caller: Mapping[str, Any], **fields: Any) -> DemoRequest:
    place = Jurisdiction(caller["jurisdiction"], source="billing")
    return DemoRequest(caller=Caller(**{**caller, "jurisdiction": place}), **fields)


def attempt(
    request: DemoRequest,
    client: GuardedLiteLLM,
    models: Models,
    server: StandInServer | None,
    witness: Witness,
) -> Result:
    """Send one request, whatever comes of it; only a guard that cannot work raises."""
    if server is not None:
        server.reset()
        if request.reply_call:
            server.reply(tool_call=("generate_image", {"prompt": request.reply_call}))
        elif request.reply:
            server.reply(request.reply)
    before = len(witness.ended)
    told = failed = ""
    try:
        told = send(request, client, models)
    except RequestStopped as stopped:
        told = stopped.message
    except GuardrailError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a provider's client raises)
        failed = type(error).__name__
    ended = next(iter(witness.ended[before:]), None)
    return Result(told, ended, None if server is None else len(server.requests), failed)


def send(request: DemoRequest, client: GuardedLiteLLM, models: Models) -> str:
    """Make the call for real and say in words what came back; raises what the client raises."""
    match request.call:
        case "chat":
            return _chat(request, client, models.chat)
        case "image":
            return _pictures(client.image_generation(**_asked(request, models.image)))
        case "edit":
            from guardrail.testing import neutral_png

            picture = ("photo.png", neutral_png(), "image/png")
            return _pictures(client.image_edit(**_asked(request, models.image), image=picture))


def _asked(request: DemoRequest, model: str) -> dict[str, Any]:
    return {"model": model, "prompt": request.prompt, "guard_caller": request.caller}


def _chat(request: DemoRequest, client: GuardedLiteLLM, model: str) -> str:
    roles = cycle(("user", "assistant"))
    turns = zip((*request.before, request.prompt), roles, strict=False)
    messages = [{"role": role, "content": text} for text, role in turns]
    asked: dict[str, Any] = {"model": model, "messages": messages, "guard_caller": request.caller}
    if request.tool:
        asked["functions"] = [_PICTURE_TOOL]  # LiteLLM takes `tools` only with its proxy extra
    if not request.stream:
        return str(client.completion(**asked).choices[0].message.content)
    pieces, ended = [], ""
    for chunk in client.completion(**asked, stream=True):
        pieces.append(chunk.choices[0].delta.content or "")
        ended = chunk.choices[0].finish_reason or ended
    said = "".join(pieces)
    return said if ended != "content_filter" else f"{said or 'nothing'} [stopped]"


def _pictures(answer: Any) -> str:
    return f"{len(answer.data)} picture(s)"
