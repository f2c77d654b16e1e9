"""Servers that are probed over HTTP: one that is guarded, and those that prove nothing."""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from guardrail.adapters.asgi import GuardMiddleware
from guardrail.adapters.asgi_http import Receive, Scope, Send
from guardrail.cli import main
from guardrail.log import open_log
from guardrail.probe.forward import Forward
from tests.adapters.asgi_apps import reply, served

SPEECH = ("--only", "/v1/audio/speech")


def doctor(*args: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *args], prog_name="guardrail", env=env)


def rows(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)["rows"]
    return found


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def log(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/attempts.db"
    open_log(url).shutdown()
    return url


@contextmanager
def _answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that answers every connection with `answer`; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.recv(65_536)
                    answer(connection)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def _said(status: str, *headers: str) -> Callable[[socket.socket], None]:
    lines = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *headers))
    return lambda client: client.sendall(f"{lines}Content-Length: 0\r\n\r\n".encode())


def test_a_server_in_front_of_the_stand_in(log: str) -> None:
    port = _free_port()
    app = GuardMiddleware(Forward(f"http://127.0.0.1:{port}"), log=log)
    with served(app) as number:
        url = f"http://127.0.0.1:{number}/v1"
        given = ("--probe", url, "--log", log, "--upstream", f"stand-in:{port}", "--json")
        result = doctor(*given)
    assert result.exit_code == 0, result.output
    assert {row["verdict"] for row in rows(result)} == {"ok"}
    assert f"listens at http://127.0.0.1:{port}/v1" in result.stderr
    body = json.loads(result.stdout)
    assert body["ok"]
    assert body["complete"]
    (chat, *_) = rows(result)
    with open_log(log, readonly=True) as read:
        assert {read.attempt(one).outcome for one in chat["attempts"][1:]} == {"refused"}


def test_a_server_whose_model_is_not_ours(log: str) -> None:
    with served(GuardMiddleware(Forward("http://127.0.0.1:9"), log=log)) as number:
        result = doctor(
            "--probe", f"http://127.0.0.1:{number}", "--log", log, "--only", "completions", "--json"
        )
    assert result.exit_code == 0, result.output
    found = rows(result)
    assert {(row["screened_in"], row["logged"]) for row in found} == {("yes", "yes")}
    assert {row["screened_out"] for row in found[:4]} == {"not proved"}
    assert found[0]["why"] == ["output: its model cannot be made to say anything"]


def test_a_hole_ends_with_one() -> None:
    port = _free_port()
    with served(Forward(f"http://127.0.0.1:{port}")) as number:
        result = doctor(
            "--probe", f"http://127.0.0.1:{number}", "--upstream", f"stand-in:{port}", *SPEECH
        )
    assert result.exit_code == 1, result.output
    assert "HOLE       speech, POST /v1/audio/speech: in no" in result.stdout
    assert "a forbidden request reached the model" in result.stdout
    assert "1 hole(s), 0 not proved, 1 rows; 3 requests" in result.stdout


def test_a_key_is_taken_from_the_environment(log: str) -> None:
    seen: set[bytes] = set()

    async def keyed(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if scope["type"] != "http":
            await guarded(scope, receive, send)
        elif headers.get(b"authorization") != b"Bearer sk-1":
            await reply(send, b'{"error": {"code": "no_key"}}', status=401)
        else:
            seen.update(value for name, value in headers.items() if name == b"x-guardrail-probe")
            await guarded(scope, receive, send)

    guarded = GuardMiddleware(Forward("http://127.0.0.1:9"), log=log)
    with served(keyed) as number:
        given = ("--probe", f"http://127.0.0.1:{number}", "--log", log, *SPEECH, "--json")
        without = doctor(*given)
        unset = doctor(*given, "--key-env", "A_KEY_NOBODY_HAS")
        result = doctor(*given, "--key-env", "OUR_KEY", OUR_KEY="sk-1")
    assert without.exit_code == 2
    assert "it lets nobody in (401 no_key); --key-env" in without.stderr
    assert unset.exit_code == 2
    assert "$A_KEY_NOBODY_HAS is not set" in unset.stderr
    assert (result.exit_code, rows(result)[0]["verdict"]) == (0, "ok")
    assert "sk-1" not in result.output
    assert seen == {json.loads(result.stdout)["run"].encode()}


def test_a_server_that_redirects() -> None:
    with _answering(_said("308 Moved", "Location: https://elsewhere.example/v1")) as url:
        result = doctor("--probe", url)
    assert result.exit_code == 2
    assert "it redirects to https://elsewhere.example/v1; give that URL" in result.stderr


def test_a_server_that_is_not_there() -> None:
    result = doctor("--probe", f"http://127.0.0.1:{_free_port()}")
    assert result.exit_code == 2
    assert "it does not answer (ConnectError" in result.stderr


def test_a_server_that_says_nothing() -> None:
    over = threading.Event()
    with _answering(lambda _: _waited(over)) as url:
        result = doctor("--probe", url, "--timeout", "0.2")
        over.set()
    assert result.exit_code == 2
    assert "it does not answer (ReadTimeout" in result.stderr


def _waited(over: threading.Event) -> None:
    over.wait(10)


def test_a_server_that_never_ends() -> None:
    def drip(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        try:
            while not over.wait(0.02):
                client.sendall(b": \n")
        except OSError:
            return

    over = threading.Event()
    with _answering(drip) as url:
        result = doctor("--probe", url, "--timeout", "0.5")
        over.set()
    assert result.exit_code == 2
    assert "it did not end within 0.5 seconds" in result.stderr


def test_a_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True)
                except OSError:
                    return

        thread = threading.Thread(target=run)
        thread.start()
        result = doctor("--probe", f"https://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert result.exit_code == 2
    assert "SSL_CERT_FILE names the authorities that are trusted" in result.stderr


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, form, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--probe", "gateway"), "cannot be probed; give a URL, module:object, or one of httpx"),
        (("--probe", "http://u:p@127.0.0.1/"), "give a key with --key-env"),
        (("--probe", "http://127.0.0.1:1", "--upstream", "real"), "stand-in or stand-in:PORT"),
        (("--probe", "http://127.0.0.1:1", "--upstream", "stand-in:70000"), "stand-in:PORT"),
        (("--probe", "asgi", "--only", "nothing"), "it has no such route; see --only"),
        (("--probe", "asgi", "--policy", "nobodys"), "no policy 'nobodys'"),
        (("--probe", "http://127.0.0.1:1", "--log", "sqlite:////nowhere/a.db"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said(given: tuple[str, ...], said: str) -> None:
    result = doctor(*given)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_what_was_proved_before_it_broke_off_is_shown(
    log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDRAIL_LOG", log)
    given = ("--probe", "asgi", *SPEECH, "--probe", "nobody", "--json")
    result = doctor(*given)
    assert result.exit_code == 2
    body = json.loads(result.stdout)
    assert (body["ok"], body["complete"]) == (False, False)
    assert [row["verdict"] for row in body["rows"]] == ["ok"]
