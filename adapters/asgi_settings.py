"""The settings of the middleware: given in code, else in the environment."""

from __future__ import annotations

import inspect
import os
import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from guardrail.adapters.asgi_http import Scope
from guardrail.errors import ConfigurationError
from guardrail.records import Caller

if TYPE_CHECKING:
    from guardrail.policy import Policy

T = TypeVar("T")

AskedCaller = Callable[[Scope], Caller | Awaitable[Caller]]
AskedConversation = Callable[[Scope], str | Awaitable[str]]


def named(variable: str) -> Any:
    """What the environment variable `variable` names as `module:function`; None where it is unset.

    Raises ConfigurationError where there is no such thing.
    """
    if not (name := os.environ.get(variable)):
        return None
    try:
        found = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as problem:
        raise ConfigurationError(
            f"${variable} names {name!r}, which cannot be imported ({problem}); "
            "write module:function, and put its folder on PYTHONPATH"
        ) from problem
    if not callable(found):
        raise ConfigurationError(f"${variable} names {name!r}, which is no function")
    return found


def policy_named(policy: str | Path | Policy | None) -> str | Path | Policy:
    """`policy`, else `$GUARDRAIL_POLICY`, else `default`."""
    return policy if policy is not None else os.environ.get("GUARDRAIL_POLICY") or "default"


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Paths that are passed on unread: exact ones, and all below a prefix."""

    exact: frozenset[str]
    below: tuple[str, ...]

    @classmethod
    def of(cls, paths: Sequence[str] | None) -> Self:
        """Paths such as `/tokenize` or `/files/*`; None: those in `$GUARDRAIL_PASS_THROUGH`.

        Raises ConfigurationError for a path that does not begin with a slash, or has a `*`
        anywhere but at its end.
        """
        if isinstance(paths, str):
            raise ConfigurationError(f"pass_through is a list of paths, not the text {paths!r}")
        if paths is None:
            listed = os.environ.get("GUARDRAIL_PASS_THROUGH", "").split(",")
            paths = [path.strip() for path in listed if path.strip()]
        for path in paths:
            if path == "/*" or not path.startswith("/") or "*" in path.removesuffix("/*"):
                raise ConfigurationError(
                    f"pass_through: {path!r} is neither a path such as /tokenize "
                    "nor all below one, such as /files/*"
                )
        exact = frozenset(path for path in paths if not path.endswith("/*"))
        return cls(exact, tuple(path[:-1] for path in paths if path.endswith("/*")))

    def holds(self, path: str) -> bool:
        """Whether a path, plainly spelt, is one of them."""
        return path in self.exact or bool(self.below and path.startswith(self.below))


async def asked(source: Callable[[Scope], T | Awaitable[T]] | T, scope: Scope) -> T:
    """A value, or what a function, plain or async, says of a scope."""
    value: Any = source(scope) if callable(source) else source
    if inspect.isawaitable(value):
        value = await value
    answer: T = value
    return answer
