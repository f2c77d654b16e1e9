"""A model's server for benchmarks: OpenAI's chat completions, fixed answers, as fast as it goes.

    python benchmarks/upstream.py --port 8001 [--delay 0.05] [--gap 0.02] [--chunks 40]

One process, one event loop, HTTP/1.1 with keep-alive. delay: seconds before an answer begins; gap:
seconds between the chunks of a streamed one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import Iterator

TEXT = "Here is a short and friendly answer to what you asked about, word by word"
WORDS = TEXT.split()
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n"


def whole() -> bytes:
    """The answer in one piece, headers and all."""
    message = {"role": "assistant", "content": " ".join(WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 30, "completion_tokens": len(WORDS), "total_tokens": 30 + len(WORDS)}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
    data = json.dumps({**body, "choices": [choice], "usage": usage}).encode()
    return _HEAD % b"application/json" + b"content-length: %d\r\n\r\n%b" % (len(data), data)


def pieces(chunks: int) -> Iterator[bytes]:
    """The answer as events, the headers first."""
    yield _HEAD % b"text/event-stream" + b"transfer-encoding: chunked\r\n\r\n"
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for number in range(chunks):
        delta = {"content": WORDS[number % len(WORDS)] + " "}
        yield _event({**body, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event({**body, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield _chunk(b"data: [DONE]\n\n")
    yield b"0\r\n\r\n"


def _event(value: object) -> bytes:
    return _chunk(b"data: %b\n\n" % json.dumps(value).encode())


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Upstream:
    """Answers every request with the same."""

    def __init__(self, delay: float, gap: float, chunks: int) -> None:
        self._delay = delay
        self._gap = gap
        self._whole = whole()
        self._pieces = list(pieces(chunks))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                body = await reader.readexactly(_length(head))
                if self._delay:
                    await asyncio.sleep(self._delay)
                streams = b'"stream":true' in body.replace(b" ", b"")
                for piece in self._pieces if streams else (self._whole,):
                    writer.write(piece)
                    await writer.drain()
                    if streams and self._gap:
                        await asyncio.sleep(self._gap)
        writer.close()


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--gap", type=float, default=0.0)
    parser.add_argument("--chunks", type=int, default=40)
    asked = parser.parse_args()
    upstream = Upstream(asked.delay, asked.gap, asked.chunks)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", asked.port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
