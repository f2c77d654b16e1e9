"""The two drivers of the flow: `Guard` for plain code, `AsyncGuard` for asyncio."""

from guardrail.guard.asynchronous import AsyncGuard, AsyncGuardedStream
from guardrail.guard.driver import UnsafeNoLog
from guardrail.guard.plain import Guard, GuardedStream

__all__ = ["AsyncGuard", "AsyncGuardedStream", "Guard", "GuardedStream", "UnsafeNoLog"]
