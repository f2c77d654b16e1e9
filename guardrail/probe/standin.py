"""The model's server, where it is ours: what it says is scripted, what it was asked is known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from guardrail.testing import Recorded, StandInServer

_TOOL = "note"


@dataclass(slots=True)
class StandIn:
    """A stand-in server, and how much of what it was asked has been looked at."""

    server: StandInServer
    looked: int = 0

    def script(self, way: str, words: str, piece: int) -> None:
        """Let the next reply say the words in this way, cut into pieces of that many characters."""
        self.server.reset()
        self.looked = 0
        chunks = [words[at : at + piece] for at in range(0, len(words), piece)]
        if way == "tool":
            self.server.reply(tool_call=(_TOOL, {"said": words}))
        elif way == "reasoning":
            self.server.reply(reasoning=words)
        else:
            self.server.reply(words, chunks=chunks)

    def was_asked(self) -> bool:
        """Whether anything was sent to it since this was asked last."""
        return any(request.method == "POST" for request in self._new())

    def was_told(self, words: str) -> bool:
        """Whether it was sent these words since this was asked last."""
        return any(words.lower() in _text(request).lower() for request in self._new())

    def _new(self) -> list[Recorded]:
        new = self.server.requests[self.looked :]
        self.looked += len(new)
        return new


def _text(request: Recorded) -> str:
    said: list[Any] = [request.path, request.json]
    said += [item.data.decode("utf-8", "replace") for item in request.fields if not item.filename]
    return json.dumps(said, ensure_ascii=False)
