"""What the page tells to copy is what the proxy takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from guardrail.adapters import litellm_proxy
from guardrail.adapters._litellm_proxy_settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "litellm-proxy.md").read_text("utf-8")
BLOCKS: list[Any] = [
    yaml.safe_load(block)
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
]


def test_the_callback_and_its_settings() -> None:
    config = BLOCKS[0]
    module, _, name = config["litellm_settings"]["callbacks"].rpartition(".")
    assert (module, name in litellm_proxy.__all__) == (litellm_proxy.__name__, True)
    assert Settings.of(config["callback_settings"]["guardrail"]).policy == "default"


def test_the_guardrail_and_its_settings() -> None:
    parameters = BLOCKS[1]["guardrails"][0]["litellm_params"]
    module, _, name = parameters.pop("guardrail").rpartition(".")
    assert (module, name in litellm_proxy.__all__) == (litellm_proxy.__name__, True)
    assert (parameters.pop("mode"), parameters.pop("default_on")) == ("pre_call", True)
    assert Settings.of(parameters).policy == "default"


def test_every_setting_is_listed_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE))
    assert rows.keys() == Settings.model_fields.keys()
    for name in ("policy", "claims", "timeout_s", "max_body_bytes"):
        assert rows[name].strip("` ") == f"{Settings.model_fields[name].default:}".removesuffix(
            ".0"
        )
