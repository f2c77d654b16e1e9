from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from guardrail.cli import main
from guardrail.errors import ConfigurationError, PolicyError
from guardrail.serve.config import load_config, require_keys, upstream_only
from guardrail.serve.keys import hashed
from guardrail.serve.schema import GatewayModel

GOOD = f"""\
policy: strict
upstreams:
  - name: openai
    base_url: https://api.openai.com/v1
    api_key_env: OPENAI_API_KEY
    models: ["gpt-*", o3]
  - name: claude
    kind: litellm
    model: anthropic/{{model}}
    models: ["claude-*"]
keys:
  - name: web
    sha256: sha256:{hashed("a key")}
    caller: {{tier: adult, age_verified: true, jurisdiction: jp}}
    limit: 600/minute
"""
WRONG = """\
port: 70000
polcy: default
upstreams:
  - name: openai
    base_url: openai.com
    forward_headers: [Authorization, x-trace]
  - name: openai
    base_url: https://key@api.example/v1
keys:
  - name: web
    sha256: gr-the-key-itself
    caller: {jurisdiction: UK, tier: 3}
    limit: fast
limits: {storage: "mysql://x"}
"""


def problems(tmp_path: Path, text: str, **env: str) -> list[str]:
    path = tmp_path / "gateway.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(PolicyError) as caught:
        load_config(path, env)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def run(*args: str, **env: str) -> Result:
    return CliRunner().invoke(main, ["serve", *args], env=env)


def test_a_good_file_loads(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(GOOD, "utf-8")
    config = load_config(path, {"OPENAI_API_KEY": "sk"})
    assert [upstream.kind for upstream in config.upstreams] == ["http", "litellm"]
    assert config.keys[0].sha256 == hashed("a key")
    assert config.keys[0].caller.jurisdiction == "JP"


def test_every_problem_is_named_at_once_with_its_place(tmp_path: Path) -> None:
    found = problems(tmp_path, WRONG)
    places = [re.match(r"\d+:\d+", line) for line in found]
    assert all(places)
    numbers = [int(line.split(":")[0]) for line in found]
    assert numbers == sorted(numbers)
    text = "\n".join(found)
    for part in (
        "1:7: found the number 70000, expected at most 65535",
        "2:1: found unknown key 'polcy'",
        "did you mean 'policy'?",
        "5:15: found 'openai.com', expected a URL",
        "6:23: found 'Authorization', expected another header",
        "8:15: found 'https://key@api.example/v1', expected a URL",
        "11:13: found 'gr-the-key-itself', expected the hash",
        "did you mean 'GB'?",
        "found the number 3, expected text",
        "13:12: found 'fast', expected a rate",
        "expected memory:// or redis://",
    ):
        assert part in text


def test_what_only_the_whole_shows_is_found(tmp_path: Path) -> None:
    text = """\
upstreams:
  - {name: a, base_url: "http://x/v1", api_key_env: NOT_SET}
  - {name: a, kind: http}
jwt: {issuer: i, audience: a, algorithms: [RS256, HS256], key_file: k, jwks_file: j}
metrics: {listen: "9464"}
"""
    found = "\n".join(problems(tmp_path, text))
    for part in (
        "2:53: found 'NOT_SET', expected an environment variable that is set",
        "3:12: found 'a' again, expected it once",
        "found no 'base_url', expected one",
        "4:1: found jwks_file and key_file, expected exactly one of",
        "expected HS256, HS384, HS512 with 'secret_env' only",
        "5:19: found '9464', expected HOST:PORT",
    ):
        assert part in found


def test_files_are_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    text = GOOD.replace("policy: strict", "policy: own.yaml")
    (tmp_path / "gateway.yaml").write_text(text, "utf-8")
    config = load_config(tmp_path / "gateway.yaml", {"OPENAI_API_KEY": "sk"})
    assert config.policy == str(tmp_path / "own.yaml")


def test_the_schema_accepts_what_loads() -> None:
    import yaml

    schema = json.loads(run("schema").output)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(yaml.safe_load(GOOD))
    assert list(Draft202012Validator(schema).iter_errors({"upstreams": [], "x": 1}))


def test_nobody_may_call_a_gateway_without_keys_by_accident() -> None:
    config = upstream_only("http://127.0.0.1:1/v1", {})
    with pytest.raises(ConfigurationError, match="nobody may call this gateway"):
        require_keys(config, insecure=False)
    require_keys(config, insecure=True)
    outside = config.model_copy(update={"host": "0.0.0.0"})  # noqa: S104
    with pytest.raises(ConfigurationError, match="not its loopback"):
        require_keys(outside, insecure=True)


def test_keys_and_no_keys_contradict(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(GOOD, "utf-8")
    with pytest.raises(ConfigurationError, match="leave one out"):
        require_keys(load_config(path, {"OPENAI_API_KEY": "sk"}), insecure=True)


def test_check_config_says_that_all_is_good(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        GOOD.split("  - name: claude", maxsplit=1)[0] + GOOD[GOOD.index("keys:") :], "utf-8"
    )
    result = run("--config", str(path), "--check-config", OPENAI_API_KEY="sk")
    assert result.exit_code == 0, result.output
    assert "1 upstream(s), 1 key(s)" in result.output


def test_check_config_prints_each_problem_on_a_line(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(WRONG, "utf-8")
    result = run("--config", str(path), "--check-config")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) > 8
    assert all(line.startswith(f"guardrail: {path}:") for line in lines)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"policy": "nowhere"}, "nowhere"),
        ({"callers": "no.such.module:who"}, "cannot be imported"),
        ({"callers": "json:decoder"}, "is no function"),
    ],
)
def test_check_config_loads_what_a_start_would(
    change: dict[str, object], part: str, tmp_path: Path
) -> None:
    text = "upstreams: [{name: a, base_url: 'http://x/v1'}]\n" + "".join(
        f"{name}: {value}\n" for name, value in {"callers": "os:getenv", **change}.items()
    )
    path = tmp_path / "gateway.yaml"
    path.write_text(text, "utf-8")
    result = run("--config", str(path), "--check-config")
    assert result.exit_code == 2
    assert part in result.stderr


def test_a_config_or_an_upstream_is_needed() -> None:
    assert "Give either --config FILE or --upstream URL." in run().output
    result = run("--upstream", "nonsense", "--insecure-no-keys")
    assert result.exit_code == 2
    assert "expected a URL" in result.stderr


def test_every_setting_says_what_it_is() -> None:
    assert GatewayModel.model_json_schema()["properties"]["conversation_header"]["description"]
