"""What the LiteLLM proxy loads: its hooks, and how the door is put in front of it."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from fastapi import HTTPException
from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.integrations.custom_logger import CustomLogger
from litellm.types.guardrails import GuardrailEventHooks, LitellmParams

from guardrail.adapters._litellm_proxy_claims import caller_of
from guardrail.adapters._litellm_proxy_door import Door
from guardrail.adapters._litellm_proxy_routes import proxy_routes
from guardrail.adapters._litellm_proxy_settings import Settings
from guardrail.adapters._litellm_proxy_visit import WAY
from guardrail.adapters._litellm_support import is_picture_model, litellm
from guardrail.adapters.asgi_http import Intake
from guardrail.adapters.service import Service
from guardrail.adapters.wire.exchange import Exchange
from guardrail.errors import ConfigurationError, GuardrailError
from guardrail.records import Caller

_FORBIDDEN = 403


class Handler(CustomLogger):
    """The hook at which the proxy waits until a request is screened and on record.

    Loaded as `litellm_settings.callbacks`, settings under `callback_settings.guardrail`.
    """

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: Any, call_type: str
    ) -> None:
        """Wait; raises an HTTPException where the request may not go on."""
        del cache, data
        await _admit(user_api_key_dict, call_type)


class GuardrailHooks(CustomGuardrail):
    """The same, as an entry of `guardrails`; its settings stand in its `litellm_params`.

    It cannot be opted out of: `mode`, `default_on`, `guardrails` of a request and what is written
    of guardrails on keys, teams and policies change nothing.
    """

    def __init__(
        self, guardrail_name: str = "guardrail", event_hook: Any = None, **given: Any
    ) -> None:
        del event_hook
        known = {*LitellmParams.model_fields, "default_on"} - {*Settings.model_fields}
        install(Settings.of({name: given[name] for name in given if name not in known}))
        super().__init__(
            guardrail_name=guardrail_name,
            event_hook=GuardrailEventHooks.pre_call,
            default_on=True,
        )

    def should_run_guardrail(self, data: Any, event_type: GuardrailEventHooks) -> bool:
        """Before every call, whatever the request says."""
        del data
        return event_type is GuardrailEventHooks.pre_call

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: Any, call_type: str
    ) -> None:
        """As `Handler.async_pre_call_hook`."""
        del cache, data
        await _admit(user_api_key_dict, call_type)


@cache
def handler() -> Handler:
    """The handler, with the door in place. Raises ConfigurationError."""
    install(Settings.of(litellm().callback_settings.get("guardrail") or {}))
    return _hook()


def install(settings: Settings) -> None:
    """Put the door in front of the proxy of this process, once.

    Raises ConfigurationError for a policy or a log that cannot be opened, and for other settings
    than those it was put there with.
    """
    if _INSTALLED and settings not in _INSTALLED:
        raise ConfigurationError("guardrail is configured twice, with different settings")
    if not _INSTALLED:
        _install(settings)
        _INSTALLED.append(settings)
    _listen()


def _install(settings: Settings) -> None:
    from litellm.proxy.proxy_server import app

    try:
        service = Service.opened(settings.policy, settings.log, Caller(), "")
    except (TypeError, ValueError) as problem:
        raise ConfigurationError(f"settings of guardrail: {problem}") from problem
    front = partial(
        Door,
        exchange=Exchange(service, proxy_routes(settings.unsafe_unscreened_routes)),
        caller=partial(caller_of, settings),
        draws=_draws,
        ready=_listen,
        intake=Intake(max_body=settings.max_body_bytes),
        limit_s=settings.timeout_s,
    )
    if app.middleware_stack is None:
        app.add_middleware(front)
    else:
        app.middleware_stack = front(app.middleware_stack)


def _listen() -> None:
    """See to it that the hook is among the proxy's callbacks, whoever has changed them.

    LiteLLM's own way of adding it leaves it out beside a namesake, or where there are many.
    """
    callbacks, hook = litellm().callbacks, _hook()
    if not any(one is hook for one in callbacks):
        callbacks.append(hook)


async def _admit(who: Any, call_type: str) -> None:
    try:
        await WAY.get().admit(who, call_type)
    except GuardrailError as problem:
        raise HTTPException(_FORBIDDEN, {"error": str(problem)}) from None


def _draws(name: str) -> bool:
    """Whether a model makes pictures, or any that stands behind its name here."""
    from litellm.proxy.proxy_server import llm_router

    behind = llm_router.get_model_list(model_name=name) if llm_router else None
    models = [name, *(str(one["litellm_params"]["model"]) for one in behind or ())]
    return any(map(is_picture_model, models))


@cache
def _hook() -> Handler:
    return Handler()


_INSTALLED: list[Settings] = []
