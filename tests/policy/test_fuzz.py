"""Whatever a file holds, loading it gives a policy or says what is wrong."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.errors import ConfigurationError, PolicyError
from guardrail.policy import Policy, load_policy
from guardrail.policy.loader import shipped

EXAMPLES = settings(max_examples=120, deadline=None)
DEFAULT = shipped()["default"].read_text("utf-8")
LINES = DEFAULT.splitlines(keepends=True)
TOKENS = (
    "\t",
    "- ",
    ": ",
    "{",
    "]",
    "&a ",
    "*a",
    "!!str ",
    "\0",
    "é",
    "true",
    "~",
    "'",
    "|\n",
    "---\n",
)


def load(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fuzzed.yaml"
        path.write_bytes(data)
        result = outcome(path)
    if isinstance(result, PolicyError):
        assert result.problems
        assert all(p.line >= 1 and p.column >= 1 and p.message for p in result.problems)
    assert isinstance(result, Policy) or str(result)


def outcome(path: Path) -> Policy | ConfigurationError:
    try:
        return load_policy(path)
    except ConfigurationError as error:
        return error


@EXAMPLES
@given(st.binary(max_size=200))
def test_bytes(data: bytes) -> None:
    load(data)


@EXAMPLES
@given(st.text(max_size=200))
def test_text(text: str) -> None:
    load(text.encode("utf-8", "surrogatepass"))


@EXAMPLES
@given(st.integers(0, len(DEFAULT)), st.integers(0, 30), st.sampled_from(TOKENS))
def test_a_splice_in_the_default_policy(at: int, length: int, token: str) -> None:
    load((DEFAULT[:at] + token + DEFAULT[at + length :]).encode())


@EXAMPLES
@given(st.lists(st.sampled_from(LINES), max_size=20))
def test_lines_of_the_default_policy_in_any_order(lines: list[str]) -> None:
    load("".join(lines).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("id", "when", "action", "require", "sexual", "operation", "floor", "x")
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@EXAMPLES
@given(
    st.dictionaries(
        st.sampled_from(
            ("policy", "version", "rules", "overlays", "limits", "extends", "on_error")
        ),
        json_values,
    )
)
def test_any_values_under_the_known_keys(values: dict[str, object]) -> None:
    import yaml

    load(yaml.safe_dump(values, allow_unicode=True).encode())
