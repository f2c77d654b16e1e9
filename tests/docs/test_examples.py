"""What a page about a surface shows runs, from top to bottom, against a stand-in server.

Each ```python block of a page is run in one namespace, in an empty folder; a ```text block after
one is what that block prints. `OPENAI_BASE_URL` and `OPENAI_API_KEY`, and what other SDKs read in
their place, lead to the stand-in.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from guardrail.testing import StandInServer

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "asgi.md",
    "doctor.md",
    "guardrails-ai.md",
    "httpx.md",
    "judge.md",
    "langchain.md",
    "openai-agents.md",
    "presidio.md",
    "pydantic-ai.md",
    "serve.md",
    "streaming.md",
    "wire.md",
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = _BLOCK.findall((DOCS / name).read_text("utf-8"))
    assert any(kind == "python" for kind, _ in blocks), f"{name} shows no code"
    names: dict[str, object] = {"__name__": "example"}
    said = ""
    with StandInServer() as upstream:
        monkeypatch.setenv("OPENAI_BASE_URL", upstream.url)
        monkeypatch.setenv("OPENAI_API_KEY", "stand-in")
        for url in ("ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "MISTRAL_BASE_URL"):
            monkeypatch.setenv(url, upstream.origin)
        for key in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY"):
            monkeypatch.setenv(key, "stand-in")
        for kind, text in blocks:
            if kind == "python":
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile(text, name, "exec"), names)  # noqa: S102  the page's own code
                said = out.getvalue()
            elif kind == "text":
                assert said == text, f"{name} shows something else"
