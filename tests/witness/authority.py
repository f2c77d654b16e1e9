"""A time-stamp authority over HTTP: openssl behind a small server."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from guardrail.chain.timestamp import REQUEST_TYPE, RESPONSE_TYPE, TimestampRequest
from tests.chain.test_timestamp import Authority, make_authority

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Running:
    """url: where it is; roots: its root certificate, PEM; authority: to ask it without HTTP."""

    url: str
    roots: Path
    authority: Authority


@contextmanager
def stamping(folder: Path) -> Iterator[Running]:
    """An authority of its own; skips where there is no openssl."""
    if shutil.which("openssl") is None:
        message = "no time-stamp authority to test with: apt-get install openssl"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    folder.mkdir()
    authority = make_authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == REQUEST_TYPE
            query = self.rfile.read(int(self.headers["Content-Length"]))
            body = authority.answer(TimestampRequest(query, None))
            self.send_response(200)
            self.send_header("Content-Type", RESPONSE_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/tsr"
        yield Running(url, folder / "root.pem", authority)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
