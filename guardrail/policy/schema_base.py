"""What the models of a file are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Model(BaseModel):
    """Base: unknown keys are errors, nothing is converted."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )


def expected(what: str) -> PydanticCustomError:
    """An error whose message goes on "found ..., expected "."""
    return PydanticCustomError("expected", "{what}", {"what": what})


Text = Annotated[str, Field(min_length=1, max_length=1000)]
