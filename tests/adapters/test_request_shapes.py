"""OpenAI-shaped arguments become requests: everything the model would read is in them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.adapters.wire import asked
from guardrail.adapters.wire.content import MAX_VALUES, Content
from guardrail.adapters.wire.tools import makes_pictures
from guardrail.records import Operation, Origin
from guardrail.testing import neutral_png

PNG = neutral_png(4, 4)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
LIMIT = 10_000


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def texts(content: Content) -> list[str]:
    return [part.text for part in content.parts]


def chat(messages: Any, **more: Any) -> Content:
    return asked.chat_content({"messages": messages, **more}, LIMIT)


def test_a_chat_keeps_roles_turns_and_order() -> None:
    content = chat(
        [
            {"role": "system", "content": "be kind"},
            user({"type": "text", "text": "one"}, {"type": "text", "text": "two"}),
            {"role": "assistant", "content": None, "refusal": "no", "reasoning_content": "hm"},
            {"role": "tool", "tool_call_id": "c", "name": "x", "content": "result"},
        ]
    )
    assert [(part.text, part.role, part.turn) for part in content.parts] == [
        ("be kind", "system", 0),
        ("one", "user", 1),
        ("two", "user", 1),
        ("no", "assistant", 2),
        ("hm", "assistant", 2),
        ("result", "tool", 3),
    ]
    assert not content.problem
    assert {part.origin for part in content.parts} == {"message"}


CALLS: list[tuple[dict[str, Any], Origin]] = [
    ({"tool_calls": [{"function": {"name": "f", "arguments": '{"q": "boat"}'}}]}, "tool_arguments"),
    ({"tool_calls": [{"custom": {"name": "f", "input": "boat"}}]}, "tool_arguments"),
    ({"tool_calls": [{"function": {"name": "f", "arguments": {"q": "boat"}}}]}, "tool_arguments"),
    ({"function_call": {"name": "f", "arguments": "boat"}}, "tool_arguments"),
    ({"thinking_blocks": [{"type": "thinking", "thinking": "boat", "signature": "s"}]}, "message"),
    ({"some_new_field": {"deep": ["boat"]}}, "message"),
]


@pytest.mark.parametrize(("extra", "origin"), CALLS)
def test_what_an_assistant_message_holds_besides_text(extra: Any, origin: Origin) -> None:
    content = chat([{"role": "assistant", "content": None, **extra}])
    assert [part.origin for part in content.parts] == [origin]
    assert "boat" in content.parts[0].text
    assert content.parts[0].role == "assistant"


class Model:
    """A message as libraries hand them around: an object that can be dumped."""

    def model_dump(self) -> dict[str, Any]:
        return {"role": "assistant", "content": "from an object"}


def test_a_message_may_be_a_model_object() -> None:
    assert texts(chat([Model()])) == ["from an object"]


PICTURES = [
    {"type": "image_url", "image_url": {"url": DATA_URL}},
    {"type": "image_url", "image_url": DATA_URL},
    {"type": "input_image", "image_url": DATA_URL},
    {"type": "image", "source": {"type": "base64", "data": base64.b64encode(PNG).decode()}},
]


@pytest.mark.parametrize("part", PICTURES)
def test_a_picture_in_a_message_is_read(part: Any) -> None:
    (image,) = chat([user(part)]).images
    assert image.data == PNG


REMOTE = [
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    {"type": "image_url", "image_url": {"url": "gs://bucket/a.png"}},
    {"type": "input_image", "file_id": "file-1"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,@@"}},
    {"type": "image_url", "image_url": {"url": "data:image/png," + "a" * 8}},
    {"type": "image_url", "image_url": {"url": DATA_URL[:30] + "A" * 4 * LIMIT}},
    {"type": "image_url"},
]


@pytest.mark.parametrize("part", REMOTE)
def test_a_picture_that_cannot_be_read_says_why(part: Any) -> None:
    (image,) = chat([user(part)]).images
    assert image.data is None
    assert image.problem


UNREADABLE: list[Any] = [
    "just text",
    None,
    [7],
    [user({"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}})],
    [user({"type": "file", "file": {"file_data": "x"}})],
    [user({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}})],
    [user({"type": "never heard of it"})],
    [user({"no": "type"})],
    [user(7)],
    [user({"type": "text", "text": ["a"]})],
    [{"role": "user", "content": {"type": "text"}}],
    [{"role": "user", "content": iter(["a"])}],
    [{"role": "assistant", "audio": {"id": "audio_1"}}],
]


@pytest.mark.parametrize("messages", UNREADABLE)
def test_messages_that_cannot_be_read_are_a_problem(messages: Any) -> None:
    assert chat(messages).problem


def test_a_problem_never_quotes_the_request() -> None:
    private = "a private kind of thing"
    assert private not in chat([user({"type": private})]).problem


def test_one_shot_messages_are_sent_as_they_were_read() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    content = chat(iter(messages))
    assert texts(content) == ["a", "b"]
    assert content.sent == {"messages": messages}


PROMPTS: list[tuple[Any, list[str], bool]] = [
    ("one", ["one"], False),
    (["one", "two"], ["one", "two"], False),
    (("one",), ["one"], False),
    ([1, 2, 3], [], True),
    ([[1], [2]], [], True),
    (None, [], True),
    (7, [], True),
    (["one", None], ["one"], True),
]


@pytest.mark.parametrize(("prompt", "said", "problem"), PROMPTS)
def test_prompts(prompt: Any, said: list[str], problem: bool) -> None:
    content = asked.text_content({"prompt": prompt, "suffix": None}, LIMIT)
    assert texts(content) == said
    assert bool(content.problem) is problem


def test_the_suffix_counts() -> None:
    content = asked.text_content({"prompt": "a", "suffix": "z"}, LIMIT)
    assert texts(content) == ["a", "z"]


ITEMS: list[tuple[Any, list[tuple[str, str, str]]]] = [
    ("hello", [("hello", "user", "prompt")]),
    ([{"role": "user", "content": "hello"}], [("hello", "user", "message")]),
    (
        [{"type": "message", **user({"type": "input_text", "text": "hello"})}],
        [("hello", "user", "message")],
    ),
    ([{"type": "input_text", "text": "hello"}], [("hello", "user", "message")]),
    (
        [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "hello"}],
        [("hello", "assistant", "tool_arguments")],
    ),
    (
        [{"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "hello"}],
        [("hello", "assistant", "tool_arguments")],
    ),
    (
        [{"type": "function_call_output", "call_id": "c", "output": "hello"}],
        [("hello", "tool", "message")],
    ),
    (
        [
            {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "hello"}],
                "encrypted_content": "not text",
            }
        ],
        [("hello", "assistant", "message")],
    ),
    ([{"type": "shell_call", "action": {"commands": ["hello"]}}], [("hello", "user", "message")]),
]


@pytest.mark.parametrize(("given_input", "said"), ITEMS)
def test_items_of_a_response(given_input: Any, said: list[tuple[str, str, str]]) -> None:
    content = asked.responses_content({"input": given_input}, LIMIT)
    assert [(part.text, part.role, part.origin) for part in content.parts] == said
    assert not content.problem


@pytest.mark.parametrize(
    "arguments",
    [
        {"input": None},
        {"input": 7},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": "a", "prompt": {"id": "pmpt_1"}},
    ],
)
def test_responses_that_cannot_be_read(arguments: Any) -> None:
    assert asked.responses_content(arguments, LIMIT).problem


def test_instructions_come_first_as_system() -> None:
    content = asked.responses_content({"input": "b", "instructions": "a"}, LIMIT)
    assert [(part.text, part.role) for part in content.parts] == [("a", "system"), ("b", "user")]


def test_an_earlier_generated_picture_is_an_image() -> None:
    call = {"type": "image_generation_call", "result": base64.b64encode(PNG).decode()}
    content = asked.responses_content({"input": [call]}, LIMIT)
    assert [image.data for image in content.images] == [PNG]


class Source(io.BytesIO):
    name = "a.png"


def picture_files(folder: Path) -> list[Any]:
    path = folder / "a.png"
    path.write_bytes(PNG)
    return [
        PNG,
        bytearray(PNG),
        io.BytesIO(PNG),
        path,
        ("a.png", PNG),
        ("a.png", io.BytesIO(PNG), "image/png"),
        DATA_URL,
        base64.b64encode(PNG).decode(),
    ]


def test_every_way_to_give_a_picture_sends_the_bytes_screened(tmp_path: Path) -> None:
    for given_image in picture_files(tmp_path):
        content = asked.image_content({"prompt": "a", "image": given_image}, LIMIT)
        assert [image.data for image in content.images] == [PNG], type(given_image)
        assert content.sent == {"image": PNG}


def test_several_pictures_and_a_mask(tmp_path: Path) -> None:
    files = picture_files(tmp_path)
    content = asked.image_content({"image": iter(files), "mask": files[0]}, LIMIT)
    assert len(content.images) == len(files) + 1
    assert content.sent == {"image": [PNG] * len(files), "mask": PNG}


def test_a_file_is_left_where_it_stood() -> None:
    file = io.BytesIO(PNG)
    file.seek(5)
    content = asked.image_content({"image": file}, LIMIT)
    assert (content.images[0].data, file.tell()) == (PNG, 5)


class Broken(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise RuntimeError(f"no {size}")


@pytest.mark.parametrize(
    "image",
    [
        "https://example.com/a.png",
        "a/path.png",
        Path("/nowhere/at/all.png"),
        io.StringIO("text"),
        Broken(PNG),
        object(),
        7,
        [PNG, None],
        [[PNG]],
    ],
)
def test_an_upload_that_cannot_be_read_is_a_problem(image: Any) -> None:
    content = asked.image_content({"image": image}, LIMIT)
    assert any(one.problem for one in content.images)
    assert "image" not in content.sent


def test_no_more_than_one_byte_over_the_limit_is_read() -> None:
    content = asked.image_content({"image": io.BytesIO(b"x" * (LIMIT * 3))}, LIMIT)
    assert [len(image.data or b"") for image in content.images] == [LIMIT + 1]


def test_endless_pictures_end() -> None:
    def forever() -> Any:
        while True:
            yield PNG

    content = asked.image_content({"image": forever()}, LIMIT)
    assert content.problem
    assert len(content.images) == asked.MAX_UPLOADS + 1


def rest(arguments: dict[str, Any]) -> Content:
    return asked.add_the_rest(
        Content(LIMIT), arguments, {"messages"}, lambda name: name in ("temperature", "metadata")
    )


def test_arguments_nobody_knows_are_read_as_content() -> None:
    content = rest(
        {
            "messages": "read elsewhere",
            "temperature": 1,
            "metadata": {"tier": "adult"},
            "scene": {"who": ["a boat"], "picture": DATA_URL, "raw": PNG},
            "background": "transparent",
        }
    )
    assert texts(content) == ["a boat"]
    assert [image.data for image in content.images] == [PNG, PNG]
    assert not content.problem


@pytest.mark.parametrize(
    "arguments",
    [
        {"extra_body": {"messages": []}},
        {"extra_body": {"prompt": "a"}},
        {"fallbacks": [{"model": "m", "messages": []}]},
        {"prompt_id": "p"},
        {"previous_response_id": "r"},
        {"conversation": "c"},
        {"background": True},
        {"reference": io.BytesIO(PNG)},
    ],
)
def test_ways_around_the_readers_are_problems(arguments: dict[str, Any]) -> None:
    assert rest(arguments).problem


def test_cycles_depth_and_size_are_survived() -> None:
    cycle: dict[str, Any] = {"text": "once"}
    cycle["self"] = [cycle]
    assert texts(rest({"x": cycle})) == ["once"]

    deep: Any = "bottom"
    for _ in range(50_000):
        deep = [deep]
    assert rest({"x": deep}).problem
    assert rest({"x": [1] * (MAX_VALUES + 1)}).problem

    arguments: list[Any] = []
    arguments.append(arguments)
    call = {"function": {"name": "f", "arguments": arguments}}
    assert not chat([{"role": "assistant", "tool_calls": [call]}]).parts


OFFERS = [
    ({"modalities": ["image", "text"]}, True),
    ({"modalities": ["text"]}, False),
    ({"tools": [{"type": "image_generation"}]}, True),
    ({"tools": [{"type": "web_search"}]}, False),
    ({"tools": [{"type": "function", "function": {"name": "generate_image"}}]}, True),
    ({"tools": [{"type": "function", "name": "editPhoto"}]}, True),
    ({"functions": [{"name": "draw"}]}, True),
    ({"tools": [{"type": "function", "function": {"name": "get_weather"}}]}, False),
    ({"tools": [{"type": "function", "function": {"name": "analyze_image"}}]}, False),
    ({"tools": [7, None, {"type": 5}]}, False),
    ({}, False),
]


@pytest.mark.parametrize(("arguments", "offered"), OFFERS)
def test_a_chat_that_can_draw_is_judged_as_drawing(
    arguments: dict[str, Any], offered: bool
) -> None:
    content = chat([user({"type": "text", "text": "a"})], **arguments)
    wanted = Operation.IMAGE_GENERATE if offered else Operation.CHAT
    assert content.request(Operation.CHAT).operation is wanted

    shown = chat([user(PICTURES[0])], **arguments)
    wanted = Operation.IMAGE_EDIT if offered else Operation.CHAT
    assert shown.request(Operation.CHAT).operation is wanted


@pytest.mark.parametrize(
    ("name", "makes"),
    [
        ("gpt-image-1", True),
        ("gemini/gemini-2.5-flash-image", True),
        ("openai/dall-e-3", True),
        ("nano-banana", True),
        ("gpt-5", False),
        ("claude-sonnet-4-5", False),
        ("image_search", False),
        ("create_video_clip", True),
        ("", False),
    ],
)
def test_names_of_tools_and_models(name: str, makes: bool) -> None:
    assert makes_pictures(name) is makes


def test_generation_from_a_picture_is_an_edit() -> None:
    content = asked.image_content({"prompt": "a", "image": PNG}, LIMIT)
    assert content.request(Operation.IMAGE_GENERATE).operation is Operation.IMAGE_EDIT


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*asked._UNSAID, "content", "text", "tool_calls"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_no_json_makes_a_reader_fail(value: Any) -> None:
    for read in (
        asked.chat_content,
        asked.text_content,
        asked.responses_content,
        asked.image_content,
    ):
        for name in ("messages", "prompt", "input", "image"):
            read({name: value, "tools": value, "modalities": value}, LIMIT)
        read({"messages": [value], "input": [value], "prompt": [value]}, LIMIT)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1), st.integers(0, 3))
def test_a_text_is_found_however_deep_it_stands(text: str, depth: int) -> None:
    value: Any = text
    for _ in range(depth):
        value = {"k": [value]}
    harmless = text in asked.CHOICES or text.lower().startswith("data:image/")
    assert texts(rest({"x": value})) == [text] or harmless
    assert text in json.loads(json.dumps(texts(chat([{"role": "user", "content": text}]))))
