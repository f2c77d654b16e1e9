"""Every generating route of the proxy, in both directions and into the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from guardrail.testing.pictures import neutral_png
from tests.adapters.cases import FORBIDDEN, FORBIDDEN_OUTPUT

from .running import Proxy

GARDEN = "a garden in autumn"
Ask = Callable[[Proxy, str], httpx.Response]


def json(path: str, body: Callable[[str], Mapping[str, Any]], **headers: str) -> Ask:
    return lambda proxy, text: proxy.post(path, json=body(text), headers=headers)


def form(path: str, *, prompt: bool = True, **fields: str) -> Ask:
    def ask(proxy: Proxy, text: str) -> httpx.Response:
        data = {**fields, **({"prompt": text} if prompt else {})}
        return proxy.post(path, data=data, files={"image": ("a.png", neutral_png(), "image/png")})

    return ask


def chat(text: str, model: str = "m", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def messages(text: str, **fields: Any) -> dict[str, Any]:
    return chat(text, "claude", max_tokens=64, **fields)


def contents(text: str) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def responses(text: str, **fields: Any) -> dict[str, Any]:
    part = {"type": "input_text", "text": text}
    return {"model": "m", "input": [{"role": "user", "content": [part]}], **fields}


WITH_TEXT: Mapping[str, Ask] = {
    "chat": json("/v1/chat/completions", chat),
    "chat without v1": json("/chat/completions", chat),
    "chat in another spelling": json("/engines/m/chat/completions", chat),
    "azure's chat": json("/openai/deployments/m/chat/completions", chat),
    "chat of a fallback": json("/v1/chat/completions", lambda text: chat(text, "down")),
    "completions": json("/v1/completions", lambda text: {"model": "text", "prompt": text}),
    "responses": json("/v1/responses", responses),
    "responses under openai": json("/openai/v1/responses", responses),
    "messages": json("/v1/messages", messages),
    "gemini": json("/v1beta/models/gem:generateContent", contents),
    "passed through": json("/openai/v1/chat/completions", chat),
    "messages passed through": json("/anthropic/v1/messages", messages),
    "gemini passed through": json(
        "/gemini/v1beta/models/g:generateContent", contents, **{"x-goog-api-key": "sk-free"}
    ),
    "a route of the config's": json("/open/v1/chat/completions", chat),
}
STREAMED: Mapping[str, Ask] = {
    "chat": json("/v1/chat/completions", lambda text: chat(text, stream=True)),
    "completions": json(
        "/v1/completions", lambda text: {"model": "text", "prompt": text, "stream": True}
    ),
    "responses": json("/v1/responses", lambda text: responses(text, stream=True)),
    "messages": json("/v1/messages", lambda text: messages(text, stream=True)),
    "gemini": json("/v1beta/models/gem:streamGenerateContent?alt=sse", contents),
    "passed through": json("/openai/v1/chat/completions", lambda text: chat(text, stream=True)),
}
OTHERS: Mapping[str, Ask] = {
    "images": json("/v1/images/generations", lambda text: {"model": "studio", "prompt": text}),
    "edits": form("/v1/images/edits", model="studio"),
    "videos": json("/v1/videos", lambda text: {"model": "film", "prompt": text}),
    "speech": json(
        "/v1/audio/speech", lambda text: {"model": "voice", "voice": "alloy", "input": text}
    ),
    "edits passed through": form("/openai/v1/images/edits", model="g"),
    "edits on a route of the config's": form("/own/v1/images/edits", model="g"),
}
EVERY = pytest.mark.parametrize(
    "ask",
    [*WITH_TEXT.values(), *STREAMED.values(), *OTHERS.values()],
    ids=[*WITH_TEXT, *(f"{name}, streamed" for name in STREAMED), *OTHERS],
)


def code(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    reason: str = error.get("details", [{}])[0]["reason"] if "status" in error else error["code"]
    return reason.lower()


@EVERY
def test_a_harmless_request_is_answered_and_on_record(guarded: Proxy, ask: Ask) -> None:
    answer = ask(guarded, GARDEN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-guardrail-attempt"]
    assert len(guarded.upstream.requests) == 1


@EVERY
def test_a_forbidden_request_goes_nowhere(guarded: Proxy, ask: Ask) -> None:
    answer = ask(guarded, FORBIDDEN)
    assert (answer.status_code, code(answer)) == (400, "moderation_blocked")
    assert guarded.upstream.requests == []
    assert (guarded.flagged().stage, guarded.flagged().outcome) == ("input", "refused")
    assert guarded.flagged().id in answer.text


@pytest.mark.parametrize("ask", WITH_TEXT.values(), ids=WITH_TEXT)
def test_a_forbidden_reply_is_not_handed_out(guarded: Proxy, ask: Ask) -> None:
    guarded.upstream.reply(FORBIDDEN_OUTPUT)
    answer = ask(guarded, GARDEN)
    assert (answer.status_code, code(answer)) == (400, "moderation_blocked")
    assert FORBIDDEN_OUTPUT not in answer.text
    assert (guarded.flagged().stage, guarded.flagged().outcome) == ("output", "refused")


@pytest.mark.parametrize("ask", STREAMED.values(), ids=STREAMED)
def test_a_stream_that_turns_is_stopped(guarded: Proxy, ask: Ask) -> None:
    words = f"The weather. {FORBIDDEN_OUTPUT} And more.".split()
    guarded.upstream.reply(chunks=[f"{word} " for word in words])
    answer = ask(guarded, GARDEN)
    assert answer.status_code == 200
    assert "explicit" not in answer.text
    assert any(
        word in answer.text for word in ("content_filter", "refusal", "PROHIBITED", "SAFETY")
    )
    assert (guarded.flagged().stage, guarded.flagged().outcome) == ("stream", "refused")


def test_an_upload_without_a_word_is_screened_too(guarded: Proxy) -> None:
    answer = form("/openai/v1/images/variations", prompt=False, model="g")(guarded, "")
    assert answer.status_code == 200
    files = {"image": ("a.png", b"no picture", "image/png")}
    answer = guarded.post("/openai/v1/images/variations", data={"model": "g"}, files=files)
    assert (answer.status_code, code(answer)) == (400, "moderation_blocked")
    assert len(guarded.upstream.requests) == 1


def test_the_bytes_screened_are_the_bytes_sent(guarded: Proxy) -> None:
    form("/v1/images/edits", model="studio")(guarded, GARDEN)
    form("/openai/v1/images/edits", model="g")(guarded, GARDEN)
    for sent in guarded.upstream.requests:
        uploads = [item for item in sent.fields if item.name.startswith("image")]
        assert [item.data for item in uploads] == [neutral_png()]


def test_a_picture_in_an_input_is_seen(guarded: Proxy) -> None:
    for address in ("https://example.com/a.png", "data:image/png;base64,bm8gcGljdHVyZQ=="):
        part = {"type": "input_image", "image_url": address}
        body = {"model": "m", "input": [{"role": "user", "content": [part]}]}
        answer = guarded.post("/v1/responses", json=body)
        assert (answer.status_code, code(answer)) == (400, "moderation_blocked")
        assert guarded.flagged().reason == "unscanned"
    assert guarded.upstream.requests == []


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/engines/studio/chat/completions"], ids=["body", "path"]
)
def test_a_model_that_draws_behind_its_name_is_judged_so(guarded: Proxy, path: str) -> None:
    answer = guarded.post(path, json=chat("Taylor Swift in a bikini", "studio"))
    assert code(answer) == "moderation_blocked"
    assert guarded.flagged().operation == "image.generate"


@pytest.mark.parametrize(
    "field",
    [
        {"extra_body": {"modalities": ["image"]}},
        {"fallbacks": ["studio"]},
        {"context_window_fallbacks": [{"m": ["studio"]}]},
        {"prompt_id": "stored"},
    ],
    ids=str,
)
def test_what_the_proxy_would_send_instead_is_refused(
    guarded: Proxy, field: Mapping[str, Any]
) -> None:
    answer = guarded.post("/v1/chat/completions", json=chat(GARDEN, **field))
    assert (answer.status_code, code(answer)) == (400, "moderation_blocked")
    assert guarded.flagged().reason == "unscanned"
    assert guarded.upstream.requests == []


def test_such_a_field_is_found_under_an_escape(guarded: Proxy) -> None:
    body = '{"model": "m", "messages": [], "\\u0065xtra_body": {"modalities": ["image"]}}'
    answer = guarded.post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )
    assert code(answer) == "moderation_blocked"


def test_numbers_are_passed_on(guarded: Proxy) -> None:
    answer = guarded.post("/v1/embeddings", json={"model": "m", "input": GARDEN})
    assert answer.status_code == 200
    assert "x-guardrail-attempt" not in answer.headers
    assert guarded.get("/v1/models").json()["data"]
