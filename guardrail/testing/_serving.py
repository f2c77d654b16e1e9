"""How the stand-in server takes requests and answers them."""

from __future__ import annotations

import json
import re
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from guardrail.testing import _protocols, _replies
from guardrail.testing._records import Recorded, Reply, Upload
from guardrail.testing.pictures import neutral_png

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

    from guardrail.testing.server import StandInServer

_ROUTES: Mapping[str, str] = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "text",
    "/v1/responses": "responses",
    "/v1/images/generations": "images",
    "/v1/images/edits": "images",
    "/v1/images/variations": "images",
    "/v1/embeddings": "embeddings",
    "/v1/moderations": "moderations",
    "/v1/audio/speech": "speech",
    "/v1/audio/transcriptions": "transcript",
    "/v1/audio/translations": "transcript",
    "/v1/videos": "video",
    "/v1/videos/edits": "video",
    "/v1/videos/extensions": "video",
    "/v1/videos/{}/remix": "video",
    "/v1/videos/{}": "video",
    "/v1/videos/{}/content": "film",
    "/v1/responses/{}": "responses",
    "/v1/responses/{}/cancel": "responses",
    "/v1/responses/{}/input_items": "items",
    "/v1/chat/completions/{}": "chat",
    "/v1/chat/completions/{}/messages": "items",
    "GET /v1/chat/completions": "chats",
}
_AZURE = re.compile(r"/openai/(deployments/[^/]+|v1)/")


class Http(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256
    owner: StandInServer

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in tuple(self._open):
            try:
                connection.shutdown(2)
            except OSError:
                continue


class Handler(BaseHTTPRequestHandler):
    server: Http
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Keep test output clean."""

    def do_GET(self) -> None:
        self._record(None, ())
        path, _, query = self.path.partition("?")
        if path == "/v1/models":
            self._send_json(200, _replies.models())
        elif path.startswith("/pictures/"):
            self._send(200, "image/png", neutral_png())
        else:
            self._reply({"stream": "stream=true" in query.lower()})

    def do_DELETE(self) -> None:
        self._record(None, ())
        name = self.path.partition("?")[0].rpartition("/")[2]
        self._send_json(200, {"id": name, "object": "deleted", "deleted": True})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked, fields = _parse(self.headers, body)
        self._record(asked, fields)
        self._reply(asked)

    def _reply(self, asked: Any) -> None:
        path, _, query = self.path.partition("?")
        shape = _shape(self.command, path)
        other = _protocols.find(path, query, asked)
        if shape is None and other is None:
            self._send_json(404, _replies.error(404))
            return
        reply = self.server.owner.next_reply()
        if self.server.owner.wait(reply.delay):
            self.close_connection = True
            return
        error = other.error if other else _replies.error
        if reply.status >= 400:  # noqa: PLR2004  the HTTP line between success and error
            self._send_json(reply.status, error(reply.status))
        elif other is not None:
            self._answer_as(other, asked, reply)
        else:
            self._answer(shape or "", asked, reply)

    def _answer_as(self, other: _protocols.Protocol, asked: Any, reply: Reply) -> None:
        asked = asked if isinstance(asked, dict) else {}
        serial = len(self.server.owner.requests)
        if other.events is not None:
            self._send_events(other.events(asked, reply, serial), reply.gap)
        else:
            self._send_json(200, other.whole(asked, reply, serial))

    def _answer(self, shape: str, asked: Any, reply: Reply) -> None:
        asked = asked if isinstance(asked, dict) else {}
        serial = len(self.server.owner.requests)
        if asked.get("stream") in (True, "true") and shape in _replies.STREAMS:
            self._send_events(_replies.STREAMS[shape](asked, reply, serial), reply.gap)
            return
        if shape == "images":
            pictures = reply.images or (neutral_png(),) * int(asked.get("n") or 1)
            self._send_json(200, _replies.images(asked, pictures, self.server.owner.origin))
            return
        if shape in _replies.FILES:
            self._send(200, *_replies.FILES[shape](asked, reply))
            return
        self._send_json(200, _replies.REPLIES[shape](asked, reply, serial))

    def _record(self, asked: Any, fields: tuple[Upload, ...]) -> None:
        self.server.owner.requests.append(
            Recorded(self.command, self.path, dict(self.headers.items()), asked, fields)
        )

    def _send_json(self, status: int, body: object) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self._head(status, kind, len(body))
        self._write(body)

    def _head(self, status: int, kind: str, length: int | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.close_connection = True

    def _send_events(self, events: Iterator[str], gap: float) -> None:
        self._head(200, "text/event-stream", None)
        for event in events:
            if not self._write(f"{event}\n\n".encode()) or self.server.owner.wait(gap):
                return

    def _write(self, data: bytes) -> bool:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            self.server.owner.aborted += 1
            return False
        return True


def _shape(method: str, path: str) -> str | None:
    """What a path answers; `{}` stands for one name in the table."""
    path = _AZURE.sub("/v1/", path)
    parts = path.split("/")
    named = "/".join([*parts[:3], "{}", *parts[4:]])
    if "/chat/completions/" in path:
        named = "/".join([*parts[:4], "{}", *parts[5:]])
    return _ROUTES.get(f"{method} {path}") or _ROUTES.get(path) or _ROUTES.get(named)


def _parse(headers: Message, body: bytes) -> tuple[Any, tuple[Upload, ...]]:
    kind = headers.get_content_type()
    if kind == "multipart/form-data":
        fields = tuple(_fields(body, str(headers.get_param("boundary"))))
        plain = {item.name: item.data.decode() for item in fields if not item.filename}
        return plain, fields
    try:
        return json.loads(body or b"null"), ()
    except ValueError:
        return None, ()


def _fields(body: bytes, boundary: str) -> Iterator[Upload]:
    for piece in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, data = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        about = Message()
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            about[name] = value
        yield Upload(
            name=str(about.get_param("name", "", "content-disposition")),
            data=data.removesuffix(b"\r\n"),
            filename=about.get_filename() or "",
            content_type=about.get("Content-Type") or "",
        )
