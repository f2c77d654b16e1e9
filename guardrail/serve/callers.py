"""Who calls, put together from keys, tokens and a function of the operator's."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError
from guardrail.records import Caller
from guardrail.serve.keys import Anybody, Authority, Identity, Keys, hashed, presented
from guardrail.serve.tokens import Tokens

if TYPE_CHECKING:
    from guardrail.adapters.wire.http import Call
    from guardrail.serve.schema import GatewayModel

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A function of the operator's: `who(token, headers)` gives a Caller, or None.

    It may be a coroutine function. headers: a dict with names in lower case. What it raises is
    taken for None, and said in the program's log by the exception's name.
    """

    function: Callable[[str, dict[str, str]], Any]

    async def identify(self, token: str, call: Call) -> Identity | None:
        """See Authority."""
        headers = {name.lower(): value for name, value in call.headers}
        try:
            caller = self.function(token, headers)
            if inspect.isawaitable(caller):
                caller = await caller
        except Exception as error:  # noqa: BLE001  whatever went wrong, nobody is let in
            _logger.warning("the function that names callers failed (%s)", type(error).__name__)
            return None
        if not isinstance(caller, Caller):
            return None
        return Identity(caller, "", f"id {caller.id or hashed(token)}")


@dataclass(frozen=True, slots=True)
class Callers:
    """Everybody who may call; the first authority that knows a token counts."""

    authorities: tuple[Authority, ...]

    @property
    def open(self) -> bool:
        """Whether nobody is asked for a key."""
        return not self.authorities

    async def identify(self, call: Call) -> Identity | None:
        """Who calls; None where nobody knows."""
        if not self.authorities:
            return await Anybody().identify("", call)
        token = presented(call)
        if token is None:
            return None
        for authority in self.authorities:
            if (found := await authority.identify(token, call)) is not None:
                return found
        return None


def callers_of(config: GatewayModel) -> Callers:
    """Those a configuration names. Raises ConfigurationError."""
    found: list[Authority] = []
    if config.keys:
        found.append(Keys.of(config.keys))
    if config.jwt is not None:
        found.append(Tokens(config.jwt))
    if config.callers is not None:
        found.append(Asked(_function(config.callers)))
    return Callers(tuple(found))


def _function(name: str) -> Callable[[str, dict[str, str]], Any]:
    where, _, attribute = name.partition(":")
    try:
        function = getattr(importlib.import_module(where), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"callers: {name} cannot be imported ({error}); PYTHONPATH says where modules are"
        ) from None
    if not callable(function):
        raise ConfigurationError(f"callers: {name} is no function")
    checked: Callable[[str, dict[str, str]], Any] = function
    return checked
