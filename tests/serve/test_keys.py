from __future__ import annotations

import pytest
from click.testing import CliRunner

from guardrail.adapters.wire.http import Call
from guardrail.cli import main
from guardrail.records import Caller
from guardrail.serve.callers import Asked, Callers
from guardrail.serve.keys import Keys, hashed, new_key, presented
from guardrail.serve.schema import KeyModel


def call(*headers: tuple[str, str], query: str = "") -> Call:
    return Call("POST", "/v1/chat/completions", query, headers)


@pytest.mark.parametrize(
    "given",
    [
        call(("authorization", "Bearer k")),
        call(("Authorization", "bearer k")),
        call(("x-api-key", "k")),
        call(("api-key", "k")),
        call(("x-goog-api-key", "k")),
        call(("x-api-key", "k"), ("authorization", "Bearer k")),
        call(query="alt=sse&key=k"),
    ],
)
def test_a_key_is_found_where_each_sdk_puts_it(given: Call) -> None:
    assert presented(given) == "k"


@pytest.mark.parametrize(
    "given",
    [
        call(),
        call(("authorization", "Basic k")),
        call(("authorization", "Bearer ")),
        call(("authorization", "Bearer k"), ("x-api-key", "other")),
        call(("authorization", "Bearer k"), query="key=other"),
        call(("x-api-key", "k" * 20_000)),
    ],
)
def test_none_or_several_keys_are_no_key(given: Call) -> None:
    assert presented(given) is None


async def test_a_key_is_known_by_its_hash() -> None:
    key, digest = new_key()
    known = Keys.of([KeyModel(name="web", sha256=digest)])
    found = await known.identify(key, call())
    assert found is not None
    assert (found.caller.id, found.caller.tier, found.caller.age_verified) == ("web", "free", False)
    assert await known.identify(digest, call()) is None
    assert await known.identify(key + "x", call()) is None
    assert await known.identify("", call()) is None


def test_a_new_key_is_long_and_its_own() -> None:
    keys = {new_key()[0] for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) == len("gr-") + 43 for key in keys)


def test_the_command_says_the_key_once_and_prints_only_its_hash() -> None:
    result = CliRunner().invoke(main, ["serve", "key", "--name", "web"])
    key = result.stderr.split()[-1]
    assert key not in result.stdout
    assert result.stdout == f"- name: web\n  sha256: {hashed(key)}\n"


async def test_a_function_of_the_operators_names_callers() -> None:
    async def who(token: str, headers: dict[str, str]) -> Caller | None:
        return Caller(id=headers["x-user"]) if token == "good" else None  # noqa: S105

    callers = Callers((Asked(who),))
    good = call(("authorization", "Bearer good"), ("X-User", "u1"))
    found = await callers.identify(good)
    assert found is not None
    assert found.caller.id == "u1"
    assert await callers.identify(call(("authorization", "Bearer bad"), ("x-user", "u1"))) is None


@pytest.mark.parametrize("answer", ["somebody", True, {"id": "u1"}])
async def test_a_function_that_gives_no_caller_lets_nobody_in(answer: object) -> None:
    callers = Callers((Asked(lambda _token, _headers: answer),))
    assert await callers.identify(call(("x-api-key", "k"))) is None


async def test_a_function_that_fails_lets_nobody_in() -> None:
    def who(token: str, headers: dict[str, str]) -> Caller:
        raise RuntimeError(token, headers)

    assert await Callers((Asked(who),)).identify(call(("x-api-key", "k"))) is None
