"""Servers under measurement: each a process of its own on a free loopback port, ended by its id."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from load import Target, answer, connected

KEY = "sk-benchmark"
_HERE = Path(__file__).parent
_TICKS = os.sysconf("SC_CLK_TCK")
_START = 120.0
_END = 15.0

_GATEWAY = """
port: {port}
workers: {workers}
log: sqlite:///{folder}/attempts-{port}.db
upstreams:
  - {{name: main, base_url: "http://127.0.0.1:{upstream}/v1", connections: 1000}}
keys:
  - {{name: benchmark, sha256: {digest}}}
"""

_PROXY = """
model_list:
  - model_name: m
    litellm_params:
      model: openai/m
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: none
general_settings: {{master_key: {key}}}
litellm_settings: {{telemetry: false}}
guardrails:
  - guardrail_name: filter
    litellm_params:
      guardrail: litellm_content_filter
      mode: [pre_call, post_call]
      default_on: true
      severity_threshold: medium
      categories:
        - {{category: harm_toxic_abuse, enabled: true, action: BLOCK}}
        - {{category: harmful_child_safety, enabled: true, action: BLOCK}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs. pid: of its first process."""

    name: str
    target: Target
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time that it and its children took so far."""
        return sum(_cpu(pid) for pid in _family(self.pid))

    def memory(self) -> float:
        """Megabytes that it and its children have in memory, shared pages counted once for each."""
        return sum(_memory(pid) for pid in _family(self.pid))


def free_port() -> int:
    """A port of the loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def upstream(*options: str) -> Iterator[Server]:
    """The stand-in for a model's server."""
    port = free_port()
    command = [sys.executable, str(_HERE / "upstream.py"), "--port", str(port), *options]
    with _running("upstream", command, Target(port)) as server:
        yield server


@contextmanager
def gateway(behind: Server, folder: Path, workers: int) -> Iterator[Server]:
    """`guardrail serve` with a durable SQLite log."""
    port = free_port()
    config = folder / f"gateway-{port}.yaml"
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    values = {"port": port, "workers": workers, "folder": folder, "digest": digest}
    config.write_text(_GATEWAY.format(upstream=behind.target.port, **values), encoding="utf-8")
    command = [sys.executable, "-m", "guardrail", "serve", "--config", str(config)]
    with _running(f"guardrail, {workers} workers", command, Target(port, KEY)) as server:
        yield server


@contextmanager
def proxy(behind: Server, folder: Path, workers: int) -> Iterator[Server]:
    """LiteLLM's proxy with its own content filter before and after the call."""
    port = free_port()
    config = folder / f"proxy-{port}.yaml"
    config.write_text(_PROXY.format(upstream=behind.target.port, key=KEY), encoding="utf-8")
    options = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", str(workers)]
    command = [str(Path(sys.executable).parent / "litellm"), "--config", str(config), *options]
    with _running(f"LiteLLM, {workers} workers", command, Target(port, KEY)) as server:
        yield server


@contextmanager
def _running(name: str, command: list[str], target: Target) -> Iterator[Server]:
    """The process of a server that has answered once; ended on the way out."""
    settings = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    process = subprocess.Popen(  # noqa: S603  this interpreter's own programs
        command,
        env={**os.environ, **settings, "LITELLM_MODE": "PRODUCTION"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(process, name, target)
        yield Server(name, target, process.pid)
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], name: str, target: Target) -> None:
    until = time.monotonic() + _START
    while not asyncio.run(_answers(target)):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"{name} did not start ({process.args!r})")
        time.sleep(0.2)


async def _answers(target: Target) -> bool:
    try:
        async with asyncio.timeout(_END), connected(target) as (reader, writer):
            writer.write(target.request(0))
            status, _ = await answer(reader)
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return False
    return status == 200  # noqa: PLR2004


def _end(process: subprocess.Popen[bytes]) -> None:
    family = _family(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        process.wait()


def _family(pid: int) -> list[int]:
    """A process and all that come from it, as far as they still run."""
    try:
        path = Path(f"/proc/{pid}/task/{pid}/children")
        return [pid, *(each for child in path.read_text().split() for each in _family(int(child)))]
    except OSError:
        return []


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
