"""The plan of probes: what is sent to which route, read from `plan.yaml`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from guardrail.adapters.wire.http import Body, Call
from guardrail.testing import neutral_png

BENIGN = "A garden in autumn"
"""What no policy has anything against."""
MARKER = "Marlena Testwick, nude"
"""What every shipped policy refuses: a name nobody has, and one plain word."""
SPEECHES = {"text": "text", "tool": "tool arguments", "reasoning": "reasoning"}
"""The ways in which a model says something, and what they are called."""

KINDS = (
    "chat", "text", "image", "speech", "transcript", "video", "anthropic", "gemini", "embedding"
)  # fmt: skip
"""The kinds of routes, for each of which a model can be named."""

Expected = Literal["screened", "refused", "closed", "passed"]

_BOUNDARY = "guardrail-probe-5b8e7c21"
_UPGRADE = (
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "Z3VhcmRyYWlsLXByb2JlIQ=="),
)


@dataclass(frozen=True, slots=True)
class Probe:
    """One row of the plan.

    kind: which of the models to name. expect: what has to become of it.
    json, form: the body, one of them or none; `files` are the names of the form's pictures.
    says: how a model can be made to say something in its reply, keys of `SPEECHES`.
    """

    name: str
    kind: str
    call: str
    protocol: str = "openai"
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    files: tuple[str, ...] = ()
    stream: bool = False
    says: tuple[str, ...] = ()
    expect: Expected = "screened"

    @property
    def route(self) -> str:
        """The method and path, without a query."""
        return self.call.partition("?")[0].replace("$model", "MODEL")

    @property
    def mode(self) -> str:
        """How it is sent and answered."""
        if self.expect == "closed":
            return "websocket"
        sent = "form" if self.form is not None else "JSON"
        return f"{sent}, streamed" if self.stream else sent

    def made(self, words: Words) -> Call:
        """The call, with the words filled in."""
        method, _, target = words.fill(self.call).partition(" ")
        path, _, query = target.partition("?")
        headers: tuple[tuple[str, str], ...] = ()
        body = b""
        if self.json is not None:
            headers = (("content-type", "application/json"),)
            body = json.dumps(words.fill(self.json)).encode()
        elif self.form is not None:
            headers = (("content-type", f"multipart/form-data; boundary={_BOUNDARY}"),)
            body = _form(words.fill(self.form), self.files)
        elif self.expect == "closed":
            headers = _UPGRADE
        return Call(method, path, query, (*headers, *words.headers), Body(body))


@dataclass(frozen=True, slots=True)
class Words:
    """What is filled in, and the headers of every call."""

    text: str
    model: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def fill(self, value: Any) -> Any:
        """A value of the plan with its words filled in."""
        if isinstance(value, str):
            for name, word in self._words().items():
                value = value.replace(name, word)
            return value
        if isinstance(value, Mapping):
            return {name: self.fill(item) for name, item in value.items()}
        return [self.fill(item) for item in value] if isinstance(value, list) else value

    def _words(self) -> Mapping[str, str]:
        return {
            "$text": self.text,
            "$model": self.model,
            "$picture": _picture(),
            "$data_url": f"data:image/png;base64,{_picture()}",
        }


@cache
def the_plan() -> tuple[Probe, ...]:
    """Every probe, in the order in which they are sent."""
    rows = yaml.safe_load((files("guardrail.probe") / "plan.yaml").read_text("utf-8"))
    return tuple(
        Probe(**{**row, "files": tuple(row.get("files", ())), "says": tuple(row.get("says", ()))})
        for row in rows
    )


@cache
def _picture() -> str:
    return base64.b64encode(neutral_png()).decode()


def _form(fields: Mapping[str, str], pictures: tuple[str, ...]) -> bytes:
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    for name in pictures:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}.png"\r\n'
        parts.append(f"{head}Content-Type: image/png\r\n\r\n".encode() + neutral_png())
    line = f"--{_BOUNDARY}".encode()
    return b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
