"""Libraries that are called as functions: LiteLLM, LangChain, what answers in texts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.openai.errors import as_openai_error
from guardrail.errors import RequestStopped, UnguardedOperation
from guardrail.probe.answer import UNGUARDED, Answer
from guardrail.probe.plan import Probe

Function = Callable[[Mapping[str, Any]], object]

_LITELLM = {
    "/v1/chat/completions": "completion",
    "/v1/completions": "text_completion",
    "/v1/responses": "responses",
    "/v1/images/generations": "image_generation",
    "/v1/images/edits": "image_edit",
    "/v1/images/variations": "image_variation",
    "/v1/audio/speech": "speech",
    "/v1/videos": "video_generation",
    "/v1/embeddings": "embedding",
}


@dataclass(slots=True)
class FunctionDoor:
    """Functions by the path and the mode for which they stand.

    shut: what has to be closed in the end. drops: what never gets to its client.
    """

    surface: str
    functions: Mapping[tuple[str, str], Function]
    shut: Callable[[], object] = field(default=lambda: None)
    drops: frozenset[str] = frozenset()

    def offers(self, probe: Probe) -> bool:
        """Those that there is a function for."""
        return (probe.call.partition(" ")[2], probe.mode) in self.functions

    def says(self, probe: Probe) -> tuple[str, ...]:
        """Those that it does not drop."""
        return tuple(way for way in probe.says if way not in self.drops)

    def send(self, call: Call) -> Answer:
        """Call the function that stands for the route."""
        if call.method != "POST":
            return Answer(404)
        asked = _fields(call)
        mode = "JSON" if call.media_type == "application/json" else "form"
        mode = f"{mode}, streamed" if asked.get("stream") else mode
        try:
            said = _whole(self.functions[call.path, mode](asked))
        except RequestStopped as stopped:
            status, body = as_openai_error(stopped)
            return Answer(status, (), json.dumps(body).encode(), type(stopped).__name__)
        except UnguardedOperation as problem:
            body = {"error": {"code": UNGUARDED, "message": str(problem)}}
            return Answer(404, (), json.dumps(body).encode(), type(problem).__name__)
        except Exception as problem:  # noqa: BLE001  whatever the library raises
            code = getattr(problem, "status_code", None)
            return Answer(code if isinstance(code, int) else 500, seen=type(problem).__name__)
        return Answer(200, (), said)

    def close(self) -> None:
        """Close what is behind it."""
        self.shut()


def litellm_door(
    surface: str, client: Any, origin: str, shut: Callable[[], object]
) -> FunctionDoor:
    """A `GuardedLiteLLM`, or its router; origin: of the model's server."""
    functions: dict[tuple[str, str], Function] = {}
    for path, name in _LITELLM.items():
        mode = "form" if path.endswith(("edits", "variations")) else "JSON"
        functions[path, mode] = _Function(client, name, origin)
        if name in ("completion", "text_completion", "responses"):
            functions[path, "JSON, streamed"] = _Function(client, name, origin)
    return FunctionDoor(surface, functions, shut)


@dataclass(frozen=True, slots=True)
class _Function:
    client: Any
    name: str
    origin: str

    def __call__(self, asked: Mapping[str, Any]) -> object:
        provider = "text-completion-openai" if self.name == "text_completion" else "openai"
        server = {"api_base": f"{self.origin}/v1", "api_key": "stand-in"}
        model = f"{provider}/{asked['model']}"
        return getattr(self.client, self.name)(
            **{**asked, **server, "model": model, "num_retries": 0, "timeout": 30}
        )


def chat_door(
    surface: str,
    whole: Callable[[str], object],
    streamed: Callable[[str], object],
    shut: Callable[[], object],
) -> FunctionDoor:
    """A library that chats: `whole` and `streamed` are told one text and answer."""

    def told(function: Callable[[str], object]) -> Function:
        return lambda asked: function(asked["messages"][-1]["content"])

    path = "/v1/chat/completions"
    functions = {(path, "JSON"): told(whole), (path, "JSON, streamed"): told(streamed)}
    return FunctionDoor(surface, functions, shut, frozenset({"reasoning"}))


def _fields(call: Call) -> dict[str, Any]:
    if call.media_type == "application/json":
        asked: dict[str, Any] = json.loads(call.body.whole())
        return asked
    head = f"content-type: {call.header('content-type')}\r\n\r\n".encode()
    form = message_from_bytes(head + call.body.whole(), policy=HTTP)
    return dict(map(_field, form.iter_parts()))


def _field(part: Any) -> tuple[str, Any]:
    name = part.get_param("name", header="content-disposition")
    data = part.get_payload(decode=True)
    if not (filename := part.get_filename()):
        return name, data.decode()
    file = io.BytesIO(data)
    file.name = filename
    return name, file


def _whole(said: Any) -> bytes:
    """All that was said, as JSON or as the events of a stream."""
    if isinstance(said, str):
        return json.dumps({"text": said}).encode()
    if isinstance(said, Iterator):
        return b"".join(b"data: " + _json(piece) + b"\n\n" for piece in said)
    return _json(said)


def _json(value: Any) -> bytes:
    if hasattr(value, "model_dump_json"):
        text: str = value.model_dump_json(warnings=False)
        return text.encode()
    return json.dumps(value if isinstance(value, dict) else {"text": str(value)}).encode()
