"""What the LiteLLM proxy's config.yaml may say about the guard."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guardrail.errors import ConfigurationError

Claim = Literal["tier", "age_verified", "jurisdiction", "language"]
Source = Literal["key", "team"]


class Settings(BaseModel):
    """The settings, checked.

    policy: a shipped policy's name or a file. log: where attempts are kept, a URL; None: the
    default place. claims: the name under which claims about a caller stand in the metadata of keys
    and teams; empty: at its top. claim_names: what a claim is called there, where not by its own
    name. claims_from: whose metadata is read, the one that counts first in front.
    timeout_s: seconds until the proxy must have answered in whole. max_body_bytes: of a request.
    unsafe_unscreened_routes: whole paths, as regular expressions, that are let through unscreened.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    policy: str = "default"
    log: str | None = None
    claims: str = "guardrail"
    claim_names: dict[Claim, str] = {}
    claims_from: Annotated[tuple[Source, ...], Field(strict=False)] = ("key", "team")
    timeout_s: Annotated[float, Field(gt=0)] = 900.0
    max_body_bytes: Annotated[int, Field(gt=0)] = 64_000_000
    unsafe_unscreened_routes: Annotated[tuple[str, ...], Field(strict=False)] = ()

    @classmethod
    def of(cls, given: object) -> Self:
        """Check what YAML gives. Raises ConfigurationError, every problem at once."""
        try:
            return cls.model_validate(given)
        except ValidationError as problem:
            wrong = (
                f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}"
                for one in problem.errors(include_url=False, include_input=False)
            )
            raise ConfigurationError(f"settings of guardrail: {'; '.join(wrong)}") from None
