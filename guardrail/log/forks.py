"""Connections must not be carried into a child process: they are closed before every fork."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Forkable(Protocol):
    """What is closed before a fork, on both sides. See `guardrail.log.session.Store`."""

    lock: threading.Lock
    before_fork: Callable[[], None] | None
    after_fork: Callable[[], None] | None
    on_fork: Callable[[], None] | None

    def close(self) -> None:
        """Let go of everything."""
        ...


_known: weakref.WeakSet[Forkable] = weakref.WeakSet()
_forking = threading.Lock()
_held: list[Forkable] = []


def watch_forks(store: Forkable) -> None:
    """Close `store` before every fork of this process, and make its lock anew in the child."""
    with _forking:
        _known.add(store)


def _before_fork() -> None:
    _forking.acquire()
    _held.extend(_known)
    for store in _held:
        if store.before_fork is not None:
            store.before_fork()
        store.lock.acquire()
        store.close()


def _after_fork_in_parent() -> None:
    for store in _held:
        store.lock.release()
        if store.after_fork is not None:
            store.after_fork()
    _held.clear()
    _forking.release()


def _after_fork_in_child() -> None:
    """Make the locks anew, which nobody here will release."""
    global _forking  # noqa: PLW0603
    for store in _held:
        store.lock = threading.Lock()
        if store.on_fork is not None:
            store.on_fork()
    _held.clear()
    _forking = threading.Lock()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
