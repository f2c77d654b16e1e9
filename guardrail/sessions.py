"""What the requests of a conversation showed so far, kept in the memory of this process.

Only what the findings amounted to is kept, never a text or a name.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from guardrail.facts import Carried

if TYPE_CHECKING:
    from guardrail.records import Request

CONVERSATIONS = 10_000
"""Conversations remembered at once; the one untouched for longest is forgotten first."""

_NOTHING = Carried()


class Sessions:
    """Remembers conversations by caller and conversation id; safe to share between threads.

    size: how many at once.
    """

    def __init__(self, size: int = CONVERSATIONS) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, str, str], Carried] = OrderedDict()
        self._lock = Lock()

    def recall(self, request: Request) -> Carried:
        """What the conversation of this request amounts to so far."""
        return self._kept.get(_key(request), _NOTHING)

    def keep(self, request: Request, carried: Carried) -> None:
        """Remember what it amounts to now."""
        with self._lock:
            key = _key(request)
            self._kept[key] = carried
            self._kept.move_to_end(key)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)


def _key(request: Request) -> tuple[str, str, str]:
    return request.caller.app, request.caller.id, request.conversation
