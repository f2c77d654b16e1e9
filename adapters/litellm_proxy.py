"""The LiteLLM proxy behind the guard, from a line of its config.yaml.

    litellm_settings:
      callbacks: guardrail.adapters.litellm_proxy.handler_instance
    callback_settings:
      guardrail:
        policy: default
        log: sqlite:////var/lib/guardrail/attempts.db

or, as an entry of `guardrails`, `guardrail.adapters.litellm_proxy.GuardrailHooks`. Either way every
request of the proxy is screened, refused, or known to generate nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from guardrail.adapters._litellm_proxy_hooks import GuardrailHooks, Handler

    handler_instance: Handler

__all__ = ["GuardrailHooks", "handler_instance"]


def __getattr__(name: str) -> Any:
    """Load what the proxy asks for.

    Raises ConfigurationError when the proxy is missing, or the policy or log cannot be opened.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from guardrail.adapters import _litellm_proxy_hooks as hooks
    except ImportError as problem:
        raise ConfigurationError(
            f"the LiteLLM proxy cannot be imported ({problem}): "
            "pip install 'likeness-guardrail[proxy]'"
        ) from problem
    return hooks.GuardrailHooks if name == "GuardrailHooks" else hooks.handler()
