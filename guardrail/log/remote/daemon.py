"""Runs the writer until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from guardrail.log.remote.server import WriterServer, listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from guardrail.log.log import Log

_STOPS = (signal.SIGTERM, signal.SIGINT)


def run_writer(log: Log, path: Path, ready: Callable[[], None]) -> None:
    """Serve `log` at the Unix socket `path` until SIGTERM or SIGINT; then all is acknowledged.

    ready: called once clients may connect. Raises ConfigurationError.
    """
    with listen(path) as listener:
        try:
            asyncio.run(_run(WriterServer(log), listener, ready))
        finally:
            path.unlink(missing_ok=True)


async def _run(server: WriterServer, listener: socket.socket, ready: Callable[[], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOPS:
        loop.add_signal_handler(number, stop.set)
    await server.start(listener)
    ready()
    await stop.wait()
    await server.stop()
