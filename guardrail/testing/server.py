"""A server that gives fixed answers and remembers every request.

It speaks OpenAI's protocol, and of Anthropic's and Google's what `_protocols` lists.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import TYPE_CHECKING, Self

from guardrail.testing import _serving
from guardrail.testing._records import DEFAULT_TEXT, Recorded, Reply, Upload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

__all__ = ["Recorded", "Reply", "StandInServer", "Upload"]


class StandInServer:
    """A context manager: a real HTTP server on 127.0.0.1, for tests only.

    port: 0 for a free one.

    requests: every request received so far, in order. aborted: how many answers the client
    did not wait for. Queued replies are used up one a request; then `Reply()` is given.
    """

    def __init__(self, *, port: int = 0) -> None:
        self.requests: list[Recorded] = []
        self.aborted = 0
        self._replies: deque[Reply] = deque()
        self._stopping = threading.Event()
        self._http = _serving.Http(("127.0.0.1", port), _serving.Handler)
        self._http.owner = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="stand-in-server"
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port, such as `http://127.0.0.1:40123`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """What an OpenAI client calls its base URL."""
        return f"{self.origin}/v1"

    def reply(  # noqa: PLR0913  one keyword for each thing a test may script
        self,
        text: str = DEFAULT_TEXT,
        *,
        chunks: Sequence[str] = (),
        reasoning: str = "",
        tool_call: tuple[str, str | Mapping[str, object]] | None = None,
        images: Sequence[bytes] = (),
        status: int = 200,
        delay: float = 0.0,
        gap: float = 0.0,
    ) -> Self:
        """Queue the answer to one request; see `Reply` for what each field means."""
        call = tool_call and (
            tool_call[0],
            tool_call[1] if isinstance(tool_call[1], str) else json.dumps(tool_call[1]),
        )
        self._replies.append(
            Reply(text, tuple(chunks), reasoning, call, tuple(images), status, delay, gap)
        )
        return self

    def reset(self) -> None:
        """Forget recorded requests and queued replies."""
        self.requests.clear()
        self._replies.clear()
        self.aborted = 0

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than the server lives; True when it is stopping."""
        return seconds > 0 and self._stopping.wait(seconds)

    def next_reply(self) -> Reply:
        """Take the reply for the request in hand."""
        return self._replies.popleft() if self._replies else Reply()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.hang_up()
        self._http.server_close()
