"""The witness over HTTP: bounded bodies and waits, few connections, an orderly end."""

from __future__ import annotations

import io
import re
import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from guardrail.chain.witness import SIZE_TYPE
from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail.witness.service import Judged, Service

PATH = "/add-checkpoint"
MAX_BODY = 600_000
MAX_CONNECTIONS = 64
SECONDS = 10.0
_LENGTH = re.compile(r"[0-9]{1,9}")
_TEXT = "text/plain; charset=utf-8"


class WitnessServer(ThreadingHTTPServer):
    """Serves `POST /add-checkpoint`, and `GET /` with the witness's public key.

    told: called with each answer, from several threads. seconds: in which a request must have
    come in, and its answer gone out; also how long an idle connection stays.

    Raises ConfigurationError when the address cannot be had.
    """

    daemon_threads = False
    block_on_close = True
    request_queue_size = 32

    def __init__(
        self,
        address: tuple[str, int],
        service: Service,
        told: Callable[[Judged], None],
        seconds: float = SECONDS,
    ) -> None:
        self.service = service
        self.told = told
        self.seconds = seconds
        self.ending = False
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        try:
            super().__init__(address, _Handler)
        except (OSError, OverflowError) as error:
            where = f"{address[0]}:{address[1]}"
            raise ConfigurationError(f"cannot listen on {where} ({error})") from None

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}"

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 (socketserver's signature)
        """Turn away what is too much; counted here, in the accepting thread."""
        with self._guard:
            if len(self._open) >= MAX_CONNECTIONS:
                return False
            self._open.add(request)
            return True

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection, then close it."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nothing; whatever else happened ends the connection."""

    def end(self) -> None:
        """Stop: no new connections, idle ones are closed, requests that are here are answered."""
        self.ending = True
        self.shutdown()
        with self._guard:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RD)
                except OSError:
                    continue
        self.server_close()


class _Within(io.RawIOBase):
    """Reads from a socket until a moment that no trickle of bytes puts off."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.until = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "guardrail-witness"
    sys_version = ""
    wbufsize = 65_536  # an answer goes out at once, not header and body apart
    disable_nagle_algorithm = True
    server: WitnessServer
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        self._within = _Within(self.connection)
        self.rfile = io.BufferedReader(self._within)

    def handle_one_request(self) -> None:
        self._within.until = time.monotonic() + self.server.seconds
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            self.close_connection = True
        if self.server.ending:
            self.close_connection = True

    def do_POST(self) -> None:
        """Answer `add-checkpoint`."""
        if self.path != PATH:
            self._refuse(HTTPStatus.NOT_FOUND, f"only {PATH} is here")
            return
        body = self._body()
        if body is not None:
            self._answer(self.server.service.add(body))

    def do_GET(self) -> None:
        """Say who this is; 503 when it is out of service."""
        service = self.server.service
        if self.path != "/":
            self._refuse(HTTPStatus.NOT_FOUND, f"only {PATH} is here")
        elif service.failed:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"out of service\n")
        else:
            self._send(HTTPStatus.OK, f"{service.key.verifier}\n".encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
        """Nothing: what was answered is told by `told`."""

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not _LENGTH.fullmatch(length):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
            return None
        if int(length) > MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY} bytes are read")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self._refuse(HTTPStatus.BAD_REQUEST, "the body ends early")
            return None
        return body

    def _answer(self, judged: Judged) -> None:
        answer = judged.answer
        body, kind = answer.encode(), _TEXT
        if answer.size is not None:
            kind = SIZE_TYPE
        elif not body:
            body = f"{judged.reason}\n".encode()
        self._send(answer.status, body, kind)
        self.server.told(judged)

    def _refuse(self, status: int, reason: str) -> None:
        """Answer, and read nothing more of this connection."""
        self.close_connection = True
        self._send(status, f"{reason}\n".encode())

    def _send(self, status: int, body: bytes, kind: str = _TEXT) -> None:
        self.connection.settimeout(self.server.seconds)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection or self.server.ending:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
