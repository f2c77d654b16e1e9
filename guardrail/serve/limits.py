"""How often somebody may call, counted with the `limits` library."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError, GuardrailError
from guardrail.serve.extras import module

if TYPE_CHECKING:
    from guardrail.serve.keys import Identity
    from guardrail.serve.schema import LimitsModel


class CannotCount(GuardrailError):
    """The calls of a caller cannot be counted, so none is made."""


@dataclass(slots=True)
class Limiter:
    """Counts in a sliding window: memory does not grow with calls, only with callers.

    rate: for whoever has none of his own; None: no limit.
    """

    rate: str | None
    strategy: Any
    _rates: dict[str, Any] = field(default_factory=dict)

    async def wait(self, identity: Identity) -> int | None:
        """Count a call; None where it may be made, else the seconds until one may be.

        Raises CannotCount when the storage does not answer.
        """
        rate = identity.rate or self.rate
        if rate is None:
            return None
        item = self._rates.get(rate)
        if item is None:
            item = self._rates[rate] = module("limits", "serve").parse(rate)
        try:
            if await self.strategy.hit(item, identity.bucket):
                return None
            reset: float = (await self.strategy.get_window_stats(item, identity.bucket)).reset_time
        except Exception as error:
            raise CannotCount(f"calls cannot be counted ({type(error).__name__})") from error
        return max(1, math.ceil(reset - time.time()))


def limiter_of(settings: LimitsModel) -> Limiter:
    """The limiter of a configuration. Raises ConfigurationError."""
    limits = module("limits", "serve")
    storage = module("limits.storage", "serve")
    strategies = module("limits.aio.strategies", "serve")
    url, options = f"async+{settings.storage}", {}
    if not settings.storage.startswith("memory:"):
        options = {"implementation": "redispy", "wrap_exceptions": True}
    try:
        kept = storage.storage_from_string(url, **options)
    except limits.errors.ConfigurationError as error:
        raise ConfigurationError(f"limits: {error}; pip install redis") from None
    return Limiter(settings.rate, strategies.SlidingWindowCounterRateLimiter(kept))
