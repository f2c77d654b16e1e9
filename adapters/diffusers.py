"""diffusers behind the guard: a pipeline whose prompts and pictures are screened.

    from guardrail.adapters.diffusers import GuardedPipeline

    pipe = GuardedPipeline(StableDiffusionPipeline.from_pretrained(...), log="sqlite:///attempts.db")
    pipe("a garden in autumn").images[0]

What cannot be read is refused: embeddings, latents and callbacks among it. A method that generates
and is not known raises UnguardedOperation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

from guardrail.adapters import _diffusers_read as read
from guardrail.adapters.service import Service, required
from guardrail.errors import UnguardedOperation
from guardrail.records import (
    Action,
    AttemptLog,
    Caller,
    Operation,
    Output,
    Request,
    Severity,
)

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.guard import Guard
    from guardrail.policy import Policy

__all__ = ["GuardedPipeline"]

_NOBODY = Caller()
_SOUND = ("Audio", "Music", "Sound", "Speech")
_IN_WORDS = (
    ("a woman with {}", "a woman without {}", "without {}"),
    ("{}の女性", "女性、{}なし", "{}なし"),
    ("女人，穿{}", "女人，没有{}", "没有{}"),
)
"""A thing present, absent, and its absence as a part of a prompt."""
_HARMLESS = frozenset(
    {
        "config", "device", "disable_attention_slicing", "disable_freeu", "disable_vae_slicing",
        "disable_vae_tiling", "disable_xformers_memory_efficient_attention", "dtype",
        "enable_attention_slicing", "enable_freeu", "enable_model_cpu_offload",
        "enable_sequential_cpu_offload", "enable_vae_slicing", "enable_vae_tiling",
        "enable_xformers_memory_efficient_attention", "feature_extractor", "fuse_qkv_projections",
        "hf_device_map", "image_processor", "maybe_free_model_hooks", "name_or_path",
        "num_timesteps", "progress_bar", "remove_all_hooks", "reset_device_map", "scheduler",
        "set_attention_slice", "set_progress_bar_config", "to", "tokenizer", "tokenizer_2",
        "tokenizer_3", "unfuse_qkv_projections", "vae_scale_factor",
    }
)  # fmt: skip
"""What generates nothing and loads nothing."""


class GuardedPipeline:
    """A diffusers pipeline, behind a guard.

    pipe: what is guarded. policy: a shipped policy's name, a file, or a loaded Policy. log: where
    attempts are kept, a URL or a log; None: the default place. caller, conversation: a value, or a
    function that is asked at every call. guard: used instead of `policy` and `log`.
    Raises ConfigurationError when Pillow is missing or the policy or the log cannot be opened,
    UnguardedOperation for a pipeline that makes sound.
    """

    def __init__(  # noqa: PLR0913  one keyword for each thing a client may set
        self,
        pipe: Any,
        policy: str | Path | Policy = "default",
        *,
        log: str | AttemptLog | None = None,
        caller: Callable[[], Caller] | Caller = _NOBODY,
        conversation: Callable[[], str] | str = "",
        guard: Guard | None = None,
    ) -> None:
        required("PIL", "diffusers")
        self._name = type(pipe).__name__
        self._parameters = inspect.signature(pipe.__call__).parameters
        if any(word in self._name for word in _SOUND) or "audio_length_in_s" in self._parameters:
            raise UnguardedOperation(f"{self._name} makes sound, which is not screened")
        self._pipe = pipe
        self._service = Service.opened(policy, log, caller, conversation, guard=guard)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As the pipeline's own; each prompt of a list is an attempt of its own.

        Raises RequestRefused, RequestGated, LogUnavailable (the pipeline was then not run), and
        whatever the pipeline raises.
        """
        sent = {name: read.owned(value) for name, value in self._named(args, kwargs).items()}
        limit = self._service.guard.policy.limits.image_bytes
        negates = self._negates(sent)
        asked = read.asked(sent, limit)
        without = self._without if negates else str
        requests = [
            self._by(request) for request in asked.requests(self._operation, without, self._name)
        ]
        return self._run(requests, lambda: self._pipe(**sent))

    def close(self) -> None:
        """Shut the log down, if this pipeline opened it."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._pipe, name)
        if name not in _HARMLESS:
            raise UnguardedOperation(
                f"{self._name}.{name} is not screened, so it is not handed out; what generates "
                "nothing can be had from the pipeline itself"
            )
        return self._returning_self(value) if inspect.ismethod(value) else value

    @property
    def _operation(self) -> Operation:
        film = "Video" in self._name or "num_frames" in self._parameters
        return Operation.VIDEO_GENERATE if film else Operation.IMAGE_GENERATE

    def _named(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        by_name = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = [one.name for one in self._parameters.values() if one.kind in by_name]
        if len(args) > len(names):
            raise TypeError(f"{len(args)} positional arguments where {len(names)} have names")
        positional = dict(zip(names, args, strict=False))
        if twice := positional.keys() & kwargs.keys():
            raise TypeError(f"given twice: {', '.join(sorted(twice))}")
        return {**positional, **kwargs}

    def _negates(self, sent: Mapping[str, Any]) -> bool:
        """Whether the pipeline turns away from its negative prompt, and not towards it."""
        name = "true_cfg_scale" if "true_cfg_scale" in self._parameters else "guidance_scale"
        scale = sent.get(name)
        if scale is None and name in self._parameters:
            scale = self._parameters[name].default
        return isinstance(scale, Real) and float(scale) > 1

    def _without(self, negative: str) -> str:
        """What is asked by asking for the absence of things: without clothes is a request."""
        return ", ".join(filter(None, map(self._absence, read.items(negative))))

    def _absence(self, item: str) -> str:
        """The absence of a thing in words, where it is more sexual than the thing; else nothing.

        A thing of several words that is not sexual itself is judged word by word too.
        """
        sexual = False
        for present, absent, asked in _IN_WORDS:
            there = self._sexual(present.format(item))
            if self._sexual(absent.format(item)) > there:
                return asked.format(item)
            sexual = sexual or there > Severity.NONE
        words = item.split()
        if sexual or len(words) < 2:  # noqa: PLR2004  several words
            return ""
        return next(filter(None, map(self._absence, words)), "")

    def _sexual(self, text: str) -> Severity:
        request = Request.of(text, Operation.IMAGE_GENERATE)
        return self._service.guard.screen(request, facts="all").facts.sexual.severity

    def _by(self, request: Request) -> Request:
        service = self._service
        return replace(request, caller=service.who(None), conversation=service.where(None))

    def _run(self, requests: Sequence[Request], draw: Callable[[], Any]) -> Any:
        guard = self._service.guard
        if len(requests) > 1:
            for request in requests:
                if guard.screen(request).decision.action is not Action.ALLOW:
                    guard.call(request, _nothing, read.output)
        for request in reversed(requests):
            draw = _inside(guard, request, draw)
        return draw()

    def _returning_self(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = method(*args, **kwargs)
            return self if result is self._pipe else result

        return call


def _inside(guard: Guard, request: Request, draw: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: guard.call(request, draw, _output)


def _output(result: Any) -> Output:
    return read.output(result)


def _nothing() -> Any:
    raise UnguardedOperation("a request that was refused is not run")
