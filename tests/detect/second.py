"""What the tests of the second stage share: settings, a tiny real classifier, a server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from guardrail.policy.second import Moderation, SecondStage

WORDS = ("[UNK]", "bare", "wearing", "lesson", "child")
LABELS = ("safe", "nsfw", "sexual/minors")
MEANINGS = (("nsfw", "nudity"), ("sexual/minors", "minor"))


def settings(**changed: Any) -> SecondStage:
    changed.setdefault("backend", Moderation("http://127.0.0.1:1"))
    changed.setdefault("labels", MEANINGS)
    return SecondStage(**changed)


@dataclass
class Scores:
    """A backend that scores with a function, and counts how often it was asked."""

    told: Callable[[str], Mapping[str, float]]
    version: str = "scores:1"
    asked: int = 0

    def scores(self, text: str) -> Mapping[str, float]:
        self.asked += 1
        return self.told(text)


def says(nsfw: float, minors: float = 0.0) -> Scores:
    return Scores(lambda _: {"nsfw": nsfw, "sexual/minors": minors})


def tiny_model(folder: Path, *, several: bool = False) -> Path:
    """A bag of words as an ONNX model: `bare` says nsfw, `lesson` safe, `child` minors.

    Made here, with its tokenizer, as an export of a real one would look.
    """
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: it makes the tiny model")
    pytest.importorskip("onnxruntime", reason="the extra second-stage is not installed")
    helper, kinds = onnx.helper, onnx.TensorProto
    table = [[0, 0, -4], [-2, 3, -4], [0, 1, -4], [6, -1, -4], [-2, 3, 6]]
    flat = [float(weight) for row in table for weight in row]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"], axis=0),
        helper.make_node("ReduceSum", ["rows", "axis"], ["logits"], keepdims=0),
    ]
    weights = [
        helper.make_tensor("table", kinds.FLOAT, [len(WORDS), len(LABELS)], flat),
        helper.make_tensor("axis", kinds.INT64, [1], [1]),
    ]
    asked = [helper.make_tensor_value_info("input_ids", kinds.INT64, ["batch", "length"])]
    told = [helper.make_tensor_value_info("logits", kinds.FLOAT, ["batch", len(LABELS)])]
    graph = helper.make_graph(nodes, "tiny", asked, told, weights)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "model.onnx")
    write_tokenizer(folder)
    config: dict[str, object] = {"id2label": {str(i): label for i, label in enumerate(LABELS)}}
    if several:
        config["problem_type"] = "multi_label_classification"
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=WORDS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))


@dataclass
class Answer:
    """How the server answers: a body, or a function that writes it piece by piece."""

    status: int = 200
    body: object = None
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    drip: float = 0.0

    @property
    def data(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.body).encode()


def moderation(**scores: float) -> Answer:
    named = {name.replace("_", "/"): score for name, score in scores.items()}
    result = {"flagged": False, "categories": {}, "category_scores": named}
    return Answer(body={"id": "m", "model": "m", "results": [result]})


class Endpoint(ThreadingHTTPServer):
    """A moderation endpoint on the loopback; it gives up waiting when the test is over."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.over = threading.Event()
        self.requests: list[tuple[str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, json.loads(body)))
        answer = self.server.answer
        if self.server.over.wait(answer.wait):
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        for piece in (answer.data[i : i + 8] for i in range(0, len(answer.data), 8)):
            if answer.drip and self.server.over.wait(answer.drip):
                return
            try:
                self.wfile.write(piece)
            except OSError:
                return


@contextmanager
def endpoint(answer: Answer) -> Iterator[Endpoint]:
    server = Endpoint(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def until(what: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until it holds, at most so long."""
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()
