"""The real google-genai package behind the guard: what it sends, shows and raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from guardrail.adapters import httpx as on_httpx
from guardrail.adapters import httpx2 as on_httpx2
from guardrail.guard import Guard
from guardrail.records import Operation, Outcome
from guardrail.testing import StandInServer, neutral_png
from guardrail.testing.fakes import MemoryLog

from .cases import FORBIDDEN, FORBIDDEN_OUTPUT, FREE, LONG, only

MODEL = "gemini-x"
HELLO = "What is the weather like?"
SHORT = ["Here ", "is an ex", "plicit se", "x scene."]


@pytest.fixture
def guard(loaded: Guard, log: MemoryLog) -> Guard:
    return Guard(loaded.policy, log=log, detectors=loaded.detectors)


def connected(server: StandInServer, sync: Any, asynchronous: Any) -> genai.Client:
    options = types.HttpOptions(
        base_url=server.origin, httpx_client=sync, httpx_async_client=asynchronous
    )
    return genai.Client(api_key="k", http_options=options)


@pytest.fixture
def client(guard: Guard, server: StandInServer) -> Iterator[genai.Client]:
    sync = on_httpx2.guarded_client(guard=guard, caller=FREE)
    asynchronous = on_httpx2.guarded_async_client(guard=guard, caller=FREE)
    with connected(server, sync, asynchronous) as client:
        yield client


def test_contents_go_out_as_they_were_and_come_back(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    picture = types.Part.from_bytes(data=neutral_png(), mime_type="image/png")
    config = types.GenerateContentConfig(system_instruction="be kind", temperature=0.5)
    got = client.models.generate_content(model=MODEL, contents=[HELLO, picture], config=config)
    assert got.text == "A neutral answer about the weather."
    assert got.sdk_http_response is not None
    assert got.sdk_http_response.headers is not None
    assert got.sdk_http_response.headers["x-guardrail-attempt"] == only(log).opened.id
    request = only(log).opened.request
    assert [part.text for part in request.parts] == [HELLO, "be kind"]
    assert [image.data for image in request.images] == [neutral_png()]
    assert server.requests[0].json["generationConfig"] == {"temperature": 0.5}


def ended(chunk: types.GenerateContentResponse) -> types.FinishReason | None:
    assert chunk.candidates
    return chunk.candidates[0].finish_reason


PATHS: list[tuple[str, Callable[[genai.Client], Any]]] = [
    ("whole", lambda client: client.models.generate_content(model=MODEL, contents=FORBIDDEN)),
    (
        "stream",
        lambda client: list(client.models.generate_content_stream(model=MODEL, contents=FORBIDDEN)),
    ),
    ("chat", lambda client: client.chats.create(model=MODEL).send_message(FORBIDDEN)),
]


@pytest.mark.parametrize(("name", "path"), PATHS, ids=[row[0] for row in PATHS])
def test_a_refusal_is_a_client_error_and_is_not_tried_again(
    name: str,
    path: Callable[[genai.Client], Any],
    client: genai.Client,
    server: StandInServer,
    log: MemoryLog,
) -> None:
    with pytest.raises(errors.ClientError) as caught:
        path(client)
    error = caught.value
    assert (error.code, error.status) == (400, "INVALID_ARGUMENT"), name
    (info,) = error.details["error"]["details"]
    assert info["reason"] == "MODERATION_BLOCKED"
    assert info["metadata"] == {
        "attempt": only(log).opened.id,
        "category": "real_person_sexual",
        "stage": "input",
    }
    assert server.requests == []
    assert (only(log).outcome, only(log).model_called) == (Outcome.REFUSED, False)


def test_a_stream_is_handed_on_in_full(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(chunks=LONG)
    stream = client.models.generate_content_stream(model=MODEL, contents=HELLO)
    assert "".join(chunk.text or "" for chunk in stream) == "".join(LONG)
    assert only(log).outcome is Outcome.RELEASED


STOPS: list[tuple[str, dict[str, Any]]] = [
    ("text", {"chunks": SHORT}),
    ("text after much", {"chunks": [*LONG, *SHORT]}),
    ("a thought", {"chunks": LONG, "reasoning": FORBIDDEN_OUTPUT}),
    ("arguments", {"tool_call": ("draw", {"prompt": FORBIDDEN})}),
]


@pytest.mark.parametrize(("name", "reply"), STOPS, ids=[row[0] for row in STOPS])
def test_a_stream_that_turns_ends_for_safety(
    name: str, reply: dict[str, Any], client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(**reply)
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=HELLO))
    shown = repr(chunks).lower()
    assert not any(word in shown for word in ("explicit", "scene", "swift", "nude")), name
    assert ended(chunks[-1]) is types.FinishReason.SAFETY
    assert (only(log).outcome, only(log).decision.stage.value) == (Outcome.REFUSED, "stream")


def test_a_reply_that_turns_is_not_shown(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(FORBIDDEN_OUTPUT)
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents=HELLO)
    assert "explicit" not in str(caught.value).lower()
    assert only(log).decision.stage.value == "output"


def test_a_picture_model_is_judged_by_the_rules_for_pictures(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    with pytest.raises(errors.ClientError):
        client.models.generate_content(
            model="gemini-2.5-flash-image", contents="Taylor Swift in lingerie"
        )
    assert only(log).opened.request.operation is Operation.IMAGE_GENERATE
    assert server.requests == []


def test_a_picture_comes_back(client: genai.Client, server: StandInServer, log: MemoryLog) -> None:
    server.reply("Here.", images=[neutral_png()])
    config = types.GenerateContentConfig(response_modalities=["TEXT", "IMAGE"])
    got = client.models.generate_content(model=MODEL, contents="a garden in autumn", config=config)
    blobs = [part.inline_data for part in got.parts or () if part.inline_data]
    assert [blob.data for blob in blobs] == [neutral_png()]
    assert only(log).outcome is Outcome.RELEASED


def test_a_file_kept_elsewhere_is_refused(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    part = types.Part.from_uri(file_uri="gs://b/a.png", mime_type="image/png")
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents=[HELLO, part])
    assert caught.value.details["error"]["details"][0]["metadata"]["category"] == "unscanned"
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


def test_what_generates_nothing_is_passed_on(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    assert client.models.count_tokens(model=MODEL, contents=HELLO).total_tokens == 1
    assert client.models.embed_content(model=MODEL, contents=HELLO).embeddings
    assert (len(server.requests), log.opened) == (2, [])


def test_what_nobody_knows_is_refused(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    with pytest.raises(errors.ClientError) as caught:
        client.caches.create(model=MODEL, config={"contents": HELLO})
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


def test_an_error_of_the_provider_is_its_own_kind(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    server.reply(status=503)
    with pytest.raises(errors.ServerError, match="told to answer 503"):
        client.models.generate_content(model=MODEL, contents=HELLO)
    assert only(log).outcome is Outcome.FAILED


async def test_the_same_under_asyncio(
    client: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    with pytest.raises(errors.ClientError):
        await client.aio.models.generate_content(model=MODEL, contents=FORBIDDEN)
    assert server.requests == []
    server.reply(chunks=SHORT)
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents=HELLO)
    chunks = [chunk async for chunk in stream]
    assert ended(chunks[-1]) is types.FinishReason.SAFETY
    assert [one.outcome for one in log.closed] == [Outcome.REFUSED] * 2
    await client.aio.aclose()


def test_the_package_takes_clients_of_httpx_too(
    guard: Guard, server: StandInServer, log: MemoryLog
) -> None:
    sync: httpx.Client = on_httpx.guarded_client(guard=guard)
    asynchronous: httpx2.AsyncClient = on_httpx2.guarded_async_client(guard=guard)
    with connected(server, sync, asynchronous) as client, pytest.raises(errors.ClientError):
        client.models.generate_content(model=MODEL, contents=FORBIDDEN)
    assert (server.requests, only(log).outcome) == ([], Outcome.REFUSED)


@pytest.fixture
def vertex(guard: Guard, server: StandInServer) -> Iterator[genai.Client]:
    options = types.HttpOptions(
        base_url=server.origin,
        httpx_client=on_httpx2.guarded_client(guard=guard, caller=FREE),
        httpx_async_client=on_httpx2.guarded_async_client(guard=guard, caller=FREE),
    )
    make: Any = Credentials
    token = make(token="stand-in")
    with genai.Client(
        vertexai=True, project="p", location="l", credentials=token, http_options=options
    ) as client:
        yield client


@pytest.mark.filterwarnings("ignore:The generate_images method")
@pytest.mark.filterwarnings("ignore:The generate_videos method")
def test_pictures_and_films_are_asked_for_on_vertex(
    vertex: genai.Client, server: StandInServer, log: MemoryLog
) -> None:
    made = vertex.models.generate_images(model="imagen-4", prompt="a garden in autumn")
    assert made.generated_images
    assert made.generated_images[0].image
    assert made.generated_images[0].image.image_bytes == neutral_png()
    begun = vertex.models.generate_videos(model="veo-3", prompt="a garden in autumn")
    assert begun.name
    assert len(server.requests) == 2
    with pytest.raises(errors.ClientError):
        vertex.models.generate_images(model="imagen-4", prompt=FORBIDDEN)
    with pytest.raises(errors.ClientError):
        vertex.models.generate_videos(model="veo-3", prompt=FORBIDDEN)
    assert len(server.requests) == 2
    seen = [(one.opened.request.operation, one.outcome) for one in log.closed]
    assert seen == [
        (Operation.IMAGE_GENERATE, Outcome.RELEASED),
        (Operation.VIDEO_GENERATE, Outcome.RELEASED),
        (Operation.IMAGE_GENERATE, Outcome.REFUSED),
        (Operation.VIDEO_GENERATE, Outcome.REFUSED),
    ]
