"""Which of the LiteLLM proxy's routes are screened, and which generate nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.routes import Entry, Passed, Routes
from guardrail.adapters.wire.table import known_routes
from guardrail.errors import ConfigurationError

HARMLESS_CALLS = frozenset(
    {
        "adelete_responses", "aembedding", "afile_delete", "afile_list", "afile_retrieve",
        "alist_batches", "alist_fine_tuning_jobs", "amoderation", "arerank", "aresponses_delete",
        "aretrieve_batch", "aretrieve_fine_tuning_job", "avideo_delete", "avideo_list",
        "avideo_retrieve", "avideo_status", "embedding", "embeddings", "moderation", "moderations",
        "pass_through_endpoint", "rerank",
    }
)  # fmt: skip
"""Kinds of call, as LiteLLM names them, that are let through on routes that generate nothing."""

_NOT_THESE = "(?!(?:/v1)?/(?:assistants|authorize|threads|workflows)/)"
"""The proxy's own routes that end as a known one does, and are none."""
_ANY = frozenset(["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"])


@dataclass(frozen=True, slots=True)
class Unscreened(Passed):
    """A route that the operator has let through, whatever it generates."""


def proxy_routes(unscreened: Sequence[str] = ()) -> Routes:
    """The table: routes that generate nothing, by their whole path, then those that are screened.

    unscreened: regular expressions of whole paths that are let through all the same.
    Raises ConfigurationError for one that is none.
    """
    known = known_routes()
    screened = [_screened(entry) for entry in known.entries if isinstance(entry.target, Codec)]
    let_through = [_unscreened(path) for path in unscreened]
    return replace(known, entries=(*_harmless(), *screened, *let_through))


def _screened(entry: Entry) -> Entry:
    return replace(entry, path=re.compile(_NOT_THESE + entry.path.pattern))


def _harmless() -> Iterator[Entry]:
    table = files("guardrail.adapters") / "_litellm_proxy_routes.tsv"
    for line in table.read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            methods, path, why = line.split("\t")
            yield Entry(frozenset(methods.split()), re.compile(path), Passed(why))


def _unscreened(path: str) -> Entry:
    try:
        return Entry(_ANY, re.compile(path), Unscreened("let through by the operator"))
    except re.error as problem:
        raise ConfigurationError(
            f"unsafe_unscreened_routes: {path!r} is no regular expression ({problem})"
        ) from None
