"""Running a gateway: uvicorn in one process or in several over one socket, with an orderly end."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError, GuardrailError
from guardrail.serve.config import address
from guardrail.serve.extras import module
from guardrail.serve.heads import protocol
from guardrail.serve.metrics import MULTIPROCESS, exposed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import SpawnProcess

    from guardrail.serve.gateway import Gateway
    from guardrail.serve.schema import GatewayModel

_BACKLOG = 2048
_KEEP_ALIVE = 75
_FAILED = 2
_GRACE = 10.0
_AGAIN = 1.0
_logger = logging.getLogger(__name__)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ConfigurationError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigurationError(f"cannot listen on {host}:{port} ({error})") from None
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """SIGTERM and SIGINT end nothing by themselves, and are in this list as they come."""
    noted: list[int] = []

    def note(number: int, _frame: object) -> None:
        noted.append(number)

    before = [(number, signal.signal(number, note)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield noted
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def run_one(config: GatewayModel, listener: socket.socket, signals: list[int]) -> None:
    """Serve in this process until a signal is noted. Raises ConfigurationError."""
    from guardrail.serve.build import close, gateway_of

    gateway = gateway_of(config)
    gc.collect()
    gc.freeze()  # else every full collection walks through the dictionaries of the detectors
    try:
        with _metrics_server(config, gateway.parts.metrics.registry):
            _server(config, gateway, signals).run(sockets=[listener])
    finally:
        close(gateway)


def run_several(config: GatewayModel, listener: socket.socket, signals: list[int]) -> None:
    """Serve in `config.workers` processes until a signal is noted; one that dies is replaced.

    Raises GuardrailError where a worker cannot start.
    """
    folder = tempfile.mkdtemp(prefix="guardrail-metrics-")
    os.environ[MULTIPROCESS] = folder
    try:
        with _metrics_server(config, None):
            _Workers(config, listener, signals).run()
    finally:
        del os.environ[MULTIPROCESS]
        shutil.rmtree(folder, ignore_errors=True)


class _Workers:
    """The processes. Signals are only noted, and are passed on from the loop."""

    def __init__(self, config: GatewayModel, listener: socket.socket, signals: list[int]) -> None:
        self._config = config
        self._listener = listener
        self._context = multiprocessing.get_context("spawn")
        self._signals = signals

    def run(self) -> None:
        workers = [self._start() for _ in range(self._config.workers)]
        try:
            while not self._signals:
                time.sleep(0.1)
                workers = [self._kept(worker) for worker in workers]
        finally:
            self._end(workers)

    def _start(self) -> SpawnProcess:
        worker = self._context.Process(target=_work, args=(self._config, self._listener))
        worker.start()
        return worker

    def _kept(self, worker: SpawnProcess) -> SpawnProcess:
        if worker.exitcode is None:
            return worker
        self._forget(worker)
        if worker.exitcode == _FAILED:
            raise GuardrailError("a worker could not start; it says above why")
        if self._signals:
            return worker
        _logger.error("worker %s ended (%s); another takes its place", worker.pid, worker.exitcode)
        time.sleep(_AGAIN)
        return self._start()

    def _end(self, workers: list[SpawnProcess]) -> None:
        """Tell all to end and wait for that; a second Ctrl-C, or too long a wait, kills them."""
        drain = self._config.drain
        until = time.monotonic() + drain.delay + drain.seconds + _GRACE
        for worker in workers:
            if worker.exitcode is None:
                worker.terminate()
        told = len(self._signals)
        while any(worker.exitcode is None for worker in workers):
            time.sleep(0.02)
            hurried = signal.SIGINT in self._signals[max(told, 1) :]
            if hurried or time.monotonic() > until:
                for worker in workers:
                    worker.kill()
        for worker in workers:
            self._forget(worker)

    def _forget(self, worker: SpawnProcess) -> None:
        worker.join()
        if worker.pid is not None:
            module("prometheus_client.multiprocess", "serve").mark_process_dead(worker.pid)


def _work(config: GatewayModel, listener: socket.socket) -> None:
    """Be a worker."""
    prepare_logging()
    mine = config.model_copy(update={"metrics": _without_listener(config)})
    try:
        with noted_signals() as signals:
            run_one(mine, listener, signals)
    except GuardrailError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"guardrail: {line}\n")
        sys.exit(_FAILED)


def _without_listener(config: GatewayModel) -> Any:
    return config.metrics.model_copy(update={"listen": None})


def _server(config: GatewayModel, gateway: Gateway, signals: list[int]) -> Any:
    uvicorn = module("uvicorn", "serve")

    # uvicorn comes with an extra and is imported when it is needed: no type checker knows the base
    class Server(uvicorn.Server):  # type: ignore[name-defined, misc]
        """Says that it is not ready before it takes no more connections.

        It does not begin where it was told to end before.
        """

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            if signals:
                self.should_exit = True

        async def shutdown(self, sockets: Any = None) -> None:
            gateway.draining = True
            until = time.monotonic() + config.drain.delay
            while time.monotonic() < until and not self.force_exit:  # noqa: ASYNC110  a flag
                await asyncio.sleep(0.05)
            await super().shutdown(sockets=sockets)

    settings = uvicorn.Config(
        gateway,
        access_log=False,
        backlog=_BACKLOG,
        date_header=True,
        http=protocol(),
        interface="asgi3",
        lifespan="on",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=config.drain.seconds,
        timeout_keep_alive=_KEEP_ALIVE,
        ws="none",
    )
    return Server(settings)


@contextmanager
def _metrics_server(config: GatewayModel, registry: Any) -> Iterator[None]:
    """Figures at an address of their own, where the configuration has one."""
    if config.metrics.listen is None:
        yield
        return
    client = module("prometheus_client", "serve")
    host, port = address(config.metrics.listen)
    try:
        server, thread = client.start_http_server(port, host, exposed(registry))
    except OSError as error:
        raise ConfigurationError(f"metrics: cannot listen on {host}:{port} ({error})") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def prepare_logging() -> None:
    """What libraries warn of goes to stderr, in one line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("guardrail: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


class _OneLine(logging.Formatter):
    """Leaves tracebacks out: what a library raised may hold texts."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_info = record.exc_text = None
        return super().format(record).replace("\n", " ")
