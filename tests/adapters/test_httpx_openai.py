"""Every route of OpenAI's API with its own SDK, through the guarded httpx transport."""

from __future__ import annotations

import asyncio
import base64
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest

from guardrail.adapters.httpx import AsyncGuardTransport, GuardTransport
from guardrail.guard import Guard
from guardrail.records import AttemptClosed, Outcome
from guardrail.testing import StandInServer, neutral_png
from guardrail.testing.fakes import MemoryLog

from .cases import ADULT, FORBIDDEN, FORBIDDEN_OUTPUT, FREE, GATED, only

HARMLESS = "a garden in autumn"
PNG = neutral_png(4, 4)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
SOUND = ("speech.wav", b"RIFF....WAVE", "audio/wav")


@dataclass(frozen=True)
class Route:
    """One method of the SDK: how it is called with a text, and what of its reply is that text."""

    name: str
    call: Callable[[Any, str], Any]
    path: str
    said: Callable[[Any], str] | None = None


def _chat(client: Any, text: str, **more: Any) -> Any:
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="m", messages=messages, **more)


def _responses(client: Any, text: str, **more: Any) -> Any:
    return client.responses.create(model="m", input=text, **more)


def _completions(client: Any, text: str, **more: Any) -> Any:
    return client.completions.create(model="m", prompt=text, **more)


def _posted(client: Any, path: str, **body: Any) -> Any:
    """A JSON body that the SDK's own method does not send."""
    return client.post(path, body={"prompt": HARMLESS, **body}, cast_to=object)


def _transcribe(client: Any, text: str, **more: Any) -> Any:
    return client.audio.transcriptions.create(model="m", file=SOUND, prompt=text, **more)


ASKED = [
    Route("chat", _chat, "/v1/chat/completions", lambda reply: reply.choices[0].message.content),
    Route("completions", _completions, "/v1/completions", lambda reply: reply.choices[0].text),
    Route("responses", _responses, "/v1/responses", lambda reply: reply.output_text),
    Route(
        "generations",
        lambda client, text: client.images.generate(model="gpt-image-1", prompt=text),
        "/v1/images/generations",
    ),
    Route(
        "edits",
        lambda client, text: client.images.edit(model="m", image=("a.png", PNG), prompt=text),
        "/v1/images/edits",
    ),
    Route(
        "edits of several",
        lambda client, text: client.images.edit(
            model="m", image=[("a.png", PNG), ("b.png", PNG)], mask=("m.png", PNG), prompt=text
        ),
        "/v1/images/edits",
    ),
    Route(
        "variations",
        lambda client, text: client.images.create_variation(
            image=("a.png", PNG), extra_body={"style_words": text}
        ),
        "/v1/images/variations",
    ),
    Route(
        "speech",
        lambda client, text: client.audio.speech.create(model="m", voice="alloy", input=text),
        "/v1/audio/speech",
    ),
    Route(
        "speech instructions",
        lambda client, text: client.audio.speech.create(
            model="m", voice="alloy", input="hello", instructions=text
        ),
        "/v1/audio/speech",
    ),
    Route("transcriptions", _transcribe, "/v1/audio/transcriptions", lambda reply: reply.text),
    Route(
        "translations",
        lambda client, text: client.audio.translations.create(model="m", file=SOUND, prompt=text),
        "/v1/audio/translations",
        lambda reply: reply.text,
    ),
    Route(
        "videos",
        lambda client, text: client.videos.create(model="sora-2", prompt=text),
        "/v1/videos",
    ),
    Route(
        "videos from a picture",
        lambda client, text: client.videos.create(prompt=text, input_reference=("a.png", PNG)),
        "/v1/videos",
    ),
]
"""Routes that take a text."""

FETCHED = [
    Route(
        "stored chat",
        lambda client, _: client.chat.completions.retrieve("c1"),
        "/v1/chat/completions/c1",
        lambda reply: reply.choices[0].message.content,
    ),
    Route(
        "stored chats",
        lambda client, _: client.chat.completions.list(),
        "/v1/chat/completions",
        lambda page: page.data[0].choices[0].message.content,
    ),
    Route(
        "messages of a stored chat",
        lambda client, _: client.chat.completions.messages.list("c1"),
        "/v1/chat/completions/c1/messages",
    ),
    Route(
        "stored response",
        lambda client, _: client.responses.retrieve("r1"),
        "/v1/responses/r1",
        lambda reply: reply.output_text,
    ),
    Route(
        "cancelled response",
        lambda client, _: client.responses.cancel("r1"),
        "/v1/responses/r1/cancel",
        lambda reply: reply.output_text,
    ),
    Route(
        "input of a stored response",
        lambda client, _: client.responses.input_items.list("r1"),
        "/v1/responses/r1/input_items",
        lambda page: page.data[0].content[0].text,
    ),
]
"""Routes that only bring a text back."""

STREAMS = [
    Route(
        "chat",
        lambda client, text: _chat(client, text, stream=True),
        "/v1/chat/completions",
        lambda chunk: (chunk.choices[0].delta.content or "") if chunk.choices else "",
    ),
    Route(
        "completions",
        lambda client, text: _completions(client, text, stream=True),
        "/v1/completions",
        lambda chunk: chunk.choices[0].text if chunk.choices else "",
    ),
    Route(
        "responses",
        lambda client, text: _responses(client, text, stream=True),
        "/v1/responses",
        lambda event: event.delta if event.type == "response.output_text.delta" else "",
    ),
    Route(
        "stored response",
        lambda client, _: client.responses.retrieve("r1", stream=True),
        "/v1/responses/r1",
        lambda event: event.delta if event.type == "response.output_text.delta" else "",
    ),
    Route(
        "transcriptions",
        lambda client, text: _transcribe(client, text, stream=True),
        "/v1/audio/transcriptions",
        lambda event: event.delta if event.type == "transcript.text.delta" else "",
    ),
]

PASSED: list[tuple[str, Callable[[Any], Any], str]] = [
    ("embeddings", lambda c: c.embeddings.create(model="m", input=FORBIDDEN), "/v1/embeddings"),
    ("moderations", lambda c: c.moderations.create(input=FORBIDDEN), "/v1/moderations"),
    ("models", lambda c: c.models.list(), "/v1/models"),
    ("a film's job", lambda c: c.videos.retrieve("v1"), "/v1/videos/v1"),
    ("deleting a film", lambda c: c.videos.delete("v1"), "/v1/videos/v1"),
    ("deleting a response", lambda c: c.responses.delete("r1"), "/v1/responses/r1"),
    ("deleting a chat", lambda c: c.chat.completions.delete("c1"), "/v1/chat/completions/c1"),
]

UNKNOWN: list[tuple[str, Callable[[Any], Any]]] = [
    ("files", lambda c: c.files.create(file=("a.jsonl", b"{}"), purpose="batch")),
    ("file content", lambda c: c.files.content("f1")),
    (
        "batches",
        lambda c: c.batches.create(
            input_file_id="f", endpoint="/v1/chat/completions", completion_window="24h"
        ),
    ),
    ("fine-tuning", lambda c: c.fine_tuning.jobs.create(model="m", training_file="f")),
    ("threads", lambda c: c.beta.threads.create()),
    ("conversations", lambda c: c.conversations.create()),
    ("compaction", lambda c: c.responses.compact(model="m", input="hello")),
    ("characters", lambda c: c.videos.create_character(name="n", video=("a.mp4", b"film"))),
    ("realtime", lambda c: c.realtime.client_secrets.create()),
]


def ids(route: Any) -> str:
    return route.name if isinstance(route, Route) else str(route[0])


@dataclass
class Both:
    """The same calls by the synchronous and by the asynchronous client."""

    sync: Callable[[], openai.OpenAI]
    server: StandInServer
    log: MemoryLog
    asynchronous: bool
    _client: Callable[[], Any]

    def run(self, call: Callable[[Any], Any]) -> Any:
        """Call and wait; a stream is read to its end."""
        if not self.asynchronous:
            with self._client() as client:
                found = call(client)
                return list(found) if isinstance(found, openai.Stream) else found
        return asyncio.run(self._arun(call))

    async def _arun(self, call: Callable[[Any], Any]) -> Any:
        async with self._client() as client:
            found = await call(client)
            return [one async for one in found] if isinstance(found, openai.AsyncStream) else found


@pytest.fixture(params=["sync", "async"])
def both(
    request: pytest.FixtureRequest, loaded: Guard, log: MemoryLog, server: StandInServer
) -> Iterator[Both]:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)

    def client() -> openai.OpenAI:
        http = httpx.Client(transport=GuardTransport(guard=guard, caller=FREE))
        return openai.OpenAI(base_url=server.url, api_key="k", http_client=http)

    def aclient() -> openai.AsyncOpenAI:
        http = httpx.AsyncClient(transport=AsyncGuardTransport(guard=guard, caller=FREE))
        return openai.AsyncOpenAI(base_url=server.url, api_key="k", http_client=http)

    asynchronous = request.param == "async"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield Both(client, server, log, asynchronous, aclient if asynchronous else client)


@pytest.mark.parametrize("route", ASKED, ids=ids)
def test_what_is_harmless_goes_through(both: Both, route: Route) -> None:
    both.server.reply("The weather is mild.")
    reply = both.run(lambda client: route.call(client, HARMLESS))
    (received,) = both.server.requests
    assert received.path == route.path
    assert only(both.log).outcome is Outcome.RELEASED
    parts = both.log.opened[0].request.parts
    assert HARMLESS in [part.text for part in parts]
    assert route.said is None or route.said(reply) == "The weather is mild."


@pytest.mark.parametrize("route", ASKED, ids=ids)
def test_a_refusal_is_one_attempt_and_no_call(both: Both, route: Route) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        both.run(lambda client: route.call(client, FORBIDDEN))
    assert caught.value.code == "moderation_blocked"
    assert both.server.requests == []
    closed = only(both.log)
    assert closed.outcome is Outcome.REFUSED
    assert not closed.model_called
    assert caught.value.response.headers["x-should-retry"] == "false"


GATES = [route for route in ASKED if route.name in ("chat", "responses", "generations", "videos")]


@pytest.mark.parametrize("route", GATES, ids=ids)
def test_a_gate_is_a_permission_error(both: Both, route: Route) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        both.run(lambda client: route.call(client, GATED))
    assert caught.value.code == "subscription_required"
    assert both.server.requests == []
    assert only(both.log).outcome is Outcome.GATED


SAYING = [route for route in [*ASKED, *FETCHED] if route.said is not None]


@pytest.mark.parametrize("route", SAYING, ids=ids)
def test_what_may_not_be_said_is_withheld(both: Both, route: Route) -> None:
    both.server.reply(FORBIDDEN_OUTPUT)
    with pytest.raises(openai.APIStatusError) as caught:
        both.run(lambda client: route.call(client, HARMLESS))
    assert caught.value.status_code in (400, 403)
    assert "explicit" not in str(caught.value)
    assert len(both.server.requests) == 1
    closed = only(both.log)
    assert closed.model_called
    assert closed.outcome in (Outcome.REFUSED, Outcome.GATED)


@pytest.mark.parametrize("route", FETCHED, ids=ids)
def test_what_is_stored_is_screened_when_fetched(both: Both, route: Route) -> None:
    both.server.reply("The weather is mild.")
    reply = both.run(lambda client: route.call(client, ""))
    assert both.server.requests[0].path.partition("?")[0] == route.path
    assert only(both.log).outcome is Outcome.RELEASED
    assert route.said is None or route.said(reply) == "The weather is mild."


@pytest.mark.parametrize("route", STREAMS, ids=ids)
def test_a_stream_arrives(both: Both, route: Route) -> None:
    both.server.reply("The weather is mild and dry.")
    chunks = both.run(lambda client: route.call(client, HARMLESS))
    assert route.said is not None
    assert "".join(map(route.said, chunks)) == "The weather is mild and dry."
    assert only(both.log).outcome is Outcome.RELEASED


@pytest.mark.parametrize("route", STREAMS[:3], ids=ids)
def test_a_stream_refused_at_once_is_an_error(both: Both, route: Route) -> None:
    with pytest.raises(openai.BadRequestError):
        both.run(lambda client: route.call(client, FORBIDDEN))
    assert both.server.requests == []
    assert len(both.log.closed) == 1


LONG = [f"The weather in town number {n} is mild. " for n in range(9)]


@pytest.mark.parametrize("route", STREAMS, ids=ids)
def test_a_stopped_stream_ends_as_the_sdk_knows(both: Both, route: Route) -> None:
    both.server.reply(chunks=[*LONG, "Here is an ", "explicit sex ", "scene."])
    if route.name == "transcriptions":
        with pytest.raises(openai.APIError) as caught:
            both.run(lambda client: route.call(client, HARMLESS))
        assert caught.value.code == "content_filter"
    else:
        chunks = both.run(lambda client: route.call(client, HARMLESS))
        assert route.said is not None
        said = "".join(map(route.said, chunks))
        assert said.startswith(LONG[0])
        assert "explicit" not in "".join(map(repr, chunks))
        assert _ending(chunks[-1]) == "content_filter"
    assert only(both.log).outcome in (Outcome.REFUSED, Outcome.GATED)


def _ending(last: Any) -> str:
    if hasattr(last, "response"):
        assert last.type == "response.incomplete"
        assert last.response.status == "incomplete"
        return str(last.response.incomplete_details.reason)
    return str(last.choices[0].finish_reason)


@pytest.mark.parametrize("case", PASSED, ids=ids)
def test_what_generates_nothing_is_passed(
    both: Both, case: tuple[str, Callable[[Any], Any], str]
) -> None:
    both.run(case[1])
    assert [one.path for one in both.server.requests] == [case[2]]
    assert both.log.opened == []


@pytest.mark.parametrize("case", UNKNOWN, ids=ids)
def test_what_nobody_screens_is_refused(both: Both, case: tuple[str, Callable[[Any], Any]]) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        both.run(case[1])
    assert caught.value.code == "unguarded_operation"
    assert both.server.requests == []
    assert only(both.log).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.videos.remix("v1", prompt=HARMLESS),
        lambda c: c.videos.edit(prompt=HARMLESS, video=("a.mp4", b"film")),
        lambda c: _posted(c, "/videos/edits", video={"id": "v1"}),
        lambda c: _posted(c, "/videos/extensions", seconds="4", video={"id": "v1"}),
        lambda c: _posted(c, "/images/edits", images=[{"image_url": "https://x.example/a.png"}]),
        lambda c: _posted(c, "/images/edits", images=[{"file_id": "f1"}]),
        lambda c: _responses(c, HARMLESS, previous_response_id="r1"),
        lambda c: _responses(c, HARMLESS, background=True),
        lambda c: _chat(c, HARMLESS, extra_body={"prompt_embeds": "AAAA"}),
        lambda c: _chat(c, HARMLESS, extra_body={"chat_template": "{{ messages }}"}),
        lambda c: _chat(c, HARMLESS, extra_body={"ref_audio": "data:audio/wav;base64,AAAA"}),
        lambda c: c.images.generate(prompt=HARMLESS, stream=True, model="gpt-image-1"),
        lambda c: c.images.edit(prompt=HARMLESS, image=("a.png", PNG), stream=True),
        lambda c: c.images.edit(prompt=HARMLESS, image=("a.png", b"no picture")),
        lambda c: _posted(c, "/videos", input_reference={"file_id": "f1"}),
        lambda c: _responses(
            c, HARMLESS, stream=True, tools=[{"type": "image_generation", "partial_images": 1}]
        ),
    ],
)
def test_what_cannot_be_read_is_refused(both: Both, call: Callable[[Any], Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        both.run(call)
    assert both.server.requests == []
    assert only(both.log).outcome is Outcome.REFUSED
    assert both.log.opened[0].request.problem


def test_a_video_may_start_from_a_picture_in_json(both: Both) -> None:
    reference = {"image_url": DATA_URL}
    both.run(lambda client: _posted(client, "/videos", input_reference=reference))
    assert [image.data for image in both.log.opened[0].request.images] == [PNG]


def test_a_film_is_fetched_on_record(both: Both) -> None:
    film = both.run(lambda client: client.videos.download_content("v1"))
    assert film.content.startswith(b"\0\0\0\x14ftyp")
    closed = only(both.log)
    assert closed.outcome is Outcome.RELEASED
    assert closed.opened.request.operation.value == "video.generate"


def test_speech_is_released_byte_for_byte(both: Both) -> None:
    sound = both.run(
        lambda client: client.audio.speech.create(model="m", voice="alloy", input=HARMLESS)
    )
    plain = openai.OpenAI(base_url=both.server.url, api_key="k").audio.speech.create(
        model="m", voice="alloy", input=HARMLESS
    )
    assert sound.content == plain.content
    assert sound.content.startswith(b"RIFF")


@pytest.mark.parametrize("form", ["json", "verbose_json", "text", "srt", "vtt"])
def test_a_transcript_of_any_format(both: Both, form: Any) -> None:
    both.server.reply("The weather is mild.").reply(FORBIDDEN_OUTPUT)
    found = both.run(lambda client: _transcribe(client, "", response_format=form))
    assert "The weather is mild." in (found if isinstance(found, str) else found.text)
    with pytest.raises(openai.APIStatusError):
        both.run(lambda client: _transcribe(client, "", response_format=form))


def test_azure_names_the_model_in_the_path(
    loaded: Guard, log: MemoryLog, server: StandInServer
) -> None:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    http = httpx.Client(transport=GuardTransport(guard=guard, caller=FREE))
    with openai.AzureOpenAI(
        azure_endpoint=server.origin, api_key="k", api_version="2024-10-21", http_client=http
    ) as client:
        assert _chat(client, HARMLESS).choices[0].message.content
        with pytest.raises(openai.BadRequestError):
            _chat(client, FORBIDDEN)
    (received,) = server.requests
    assert received.path == "/openai/deployments/m/chat/completions?api-version=2024-10-21"
    assert [opened.request.model for opened in log.opened] == ["m", "m"]


def test_an_adult_is_let_through_by_the_same_transport(
    loaded: Guard, log: MemoryLog, server: StandInServer
) -> None:
    guard = Guard(loaded.policy, log=log, detectors=loaded.detectors)
    http = httpx.Client(transport=GuardTransport(guard=guard, caller=ADULT))
    with openai.OpenAI(base_url=server.url, api_key="k", http_client=http) as client:
        reply = client.images.with_raw_response.generate(prompt=GATED, model="gpt-image-1")
    assert reply.headers["x-guardrail-obligations"] == "label"
    closed: AttemptClosed = only(log)
    assert reply.headers["x-guardrail-attempt"] == closed.id
