"""Text in the languages a report is written in."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from guardrail.policy.schema_base import Model, expected

Language: TypeAlias = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ja")
LONG = 20_000

Lines = Annotated[str, Field(max_length=LONG)]


class LocalizedModel(Model):
    """A text in English, in Japanese, or both."""

    en: Lines = ""
    ja: Lines = ""

    @model_validator(mode="after")
    def _some(self) -> LocalizedModel:
        if not (self.en.strip() or self.ja.strip()):
            raise expected("text, or `en:` and `ja:` with text")
        return self

    def text(self, language: Language) -> str:
        """The text in a language, else in the other one."""
        return (self.ja or self.en) if language == "ja" else (self.en or self.ja)


def _both(value: object) -> object:
    return {"en": value, "ja": value} if isinstance(value, str) else value


Localized: TypeAlias = Annotated[LocalizedModel, BeforeValidator(_both)]
"""One text for all languages, or a mapping of `en` and `ja`."""
