"""A JSON object read field by field, each with the type it must have."""

from __future__ import annotations

from typing import Any

from guardrail.errors import InputError


def reading(value: object) -> str:
    """Name the type of a value as JSON does."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


class Fields:
    """One object and the path to it; null counts as absent, unknown keys are left alone.

    Every method raises InputError, naming the path, where a value is of another type.
    """

    __slots__ = ("_object", "path")

    def __init__(self, value: dict[str, Any], path: str = "") -> None:
        self._object = value
        self.path = path

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of the object."""
        return tuple(self._object)

    def value(self, key: str) -> Any:
        """Return the value as it stands, None where absent."""
        return self._object.get(key)

    def has(self, key: str) -> bool:
        """Whether the key is there with anything but null."""
        return self._object.get(key) is not None

    def is_object(self, key: str) -> bool:
        """Whether the value is an object."""
        return isinstance(self._object.get(key), dict)

    def is_list(self, key: str) -> bool:
        """Whether the value is an array."""
        return isinstance(self._object.get(key), list)

    def optional_text(self, key: str) -> str | None:
        """Read a string, None where absent."""
        value = self._object.get(key)
        if value is None or isinstance(value, str):
            return value
        raise self._wrong(key, "a string", value)

    def text(self, key: str, default: str = "") -> str:
        """Read a string, `default` where absent."""
        value = self.optional_text(key)
        return default if value is None else value

    def required_text(self, key: str) -> str:
        """Read a string that must be there."""
        value = self.optional_text(key)
        if value is None:
            raise self._wrong(key, "a string", None)
        return value

    def truth(self, key: str) -> bool:
        """Read a boolean, False where absent; neither 1 nor "true" will do."""
        value = self._object.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self._wrong(key, "a boolean", value)

    def fraction(self, key: str, default: float) -> float:
        """Read a number in [0, 1], `default` where absent."""
        value = self._object.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(key, "a number", value)
        if not 0 <= value <= 1:
            raise InputError(f"{self.path}{key}: expected a number from 0 to 1")
        return float(value)

    def child(self, key: str) -> Fields:
        """Read an object, an empty one where absent."""
        value = self._object.get(key)
        if value is not None and not isinstance(value, dict):
            raise self._wrong(key, "an object", value)
        return Fields(value or {}, f"{self.path}{key}.")

    def children(self, key: str) -> list[Fields]:
        """Read an array of objects, an empty one where absent."""
        values = self._object.get(key)
        if values is None:
            return []
        if not isinstance(values, list):
            raise self._wrong(key, "an array", values)
        for index, value in enumerate(values):
            if not isinstance(value, dict):
                raise self._wrong(f"{key}[{index}]", "an object", value)
        return [Fields(value, f"{self.path}{key}[{i}].") for i, value in enumerate(values)]

    def _wrong(self, key: str, expected: str, value: object) -> InputError:
        return InputError(f"{self.path}{key}: expected {expected}, found {reading(value)}")
