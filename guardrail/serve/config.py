"""Reading a gateway's configuration: every problem at once, with its place."""

from __future__ import annotations

import ipaddress
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.errors import ConfigurationError, PolicyError
from guardrail.policy.loader import read_bytes, shipped
from guardrail.policy.reading import Source, read_model
from guardrail.serve.schema import GatewayModel, JwtModel, UpstreamModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEY_SOURCES = ("jwks_url", "jwks_file", "key_file", "secret_env")


def load_config(file: str | Path, env: Mapping[str, str] = os.environ) -> GatewayModel:
    """The configuration in `file`; paths in it are made relative to its folder.

    Raises PolicyError with every problem in it (file, line, column), ConfigurationError where it
    cannot be read.
    """
    path = Path(file)
    model, source = read_model(GatewayModel, read_bytes(path), str(path))
    if model is not None:
        _check(model, source, env)
    if model is None or source.problems:
        raise PolicyError(sorted(source.problems, key=lambda found: (found.line, found.column)))
    return _placed(model, path.parent)


def upstream_only(url: str, env: Mapping[str, str] = os.environ) -> GatewayModel:
    """What `--upstream URL` without a file stands for: $OPENAI_API_KEY, where it is set, goes on.

    Raises ConfigurationError.
    """
    given: dict[str, object] = {"name": "upstream", "base_url": url}
    if env.get("OPENAI_API_KEY"):
        given["api_key_env"] = "OPENAI_API_KEY"
    try:
        return GatewayModel(upstreams=[UpstreamModel.model_validate(given)])
    except ValueError:
        raise ConfigurationError(
            f"--upstream {url}: expected a URL such as https://api.openai.com/v1"
        ) from None


def require_keys(model: GatewayModel, *, insecure: bool) -> None:
    """Raise ConfigurationError where nobody could be told from anybody else.

    insecure: whether it was said that this is meant; then only for this machine.
    """
    known = bool(model.keys or model.jwt or model.callers)
    if known and insecure:
        raise ConfigurationError("--insecure-no-keys: the configuration has keys; leave one out")
    if insecure and not is_loopback(model.host):
        raise ConfigurationError(
            f"--insecure-no-keys serves this machine only, and {model.host} is not its loopback"
        )
    if not known and not insecure:
        raise ConfigurationError(
            "nobody may call this gateway: the configuration has no keys, jwt or callers. Make a "
            "key with `guardrail serve key`, or try it out with --insecure-no-keys"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(model: GatewayModel, source: Source, env: Mapping[str, str]) -> None:
    _twice(source, "upstreams", "name", (upstream.name for upstream in model.upstreams))
    _twice(source, "keys", "name", (key.name for key in model.keys))
    _twice(source, "keys", "sha256", (key.sha256 for key in model.keys))
    for index, upstream in enumerate(model.upstreams):
        _check_upstream(upstream, source, index)
    if model.jwt is not None:
        _check_jwt(model.jwt, source)
    for loc, name in _variables(model):
        if not env.get(name):
            source.problem(
                source.at(*loc),
                f"found {name!r}, expected an environment variable that is set",
            )
    metrics = model.metrics
    if metrics.listen is not None and _port(metrics.listen) is None:
        source.problem(
            source.at("metrics", "listen"), f"found {metrics.listen!r}, expected HOST:PORT"
        )


def _twice(source: Source, where: str, field: str, values: Iterable[str]) -> None:
    seen: Counter[str] = Counter()
    for index, value in enumerate(values):
        seen[value] += 1
        if seen[value] > 1:
            source.problem(
                source.at(where, index, field), f"found {value!r} again, expected it once"
            )


def _check_upstream(upstream: UpstreamModel, source: Source, index: int) -> None:
    if upstream.kind == "http" and upstream.base_url is None:
        source.problem(source.at("upstreams", index), "found no 'base_url', expected one")
    if upstream.kind == "http" and upstream.model != "{model}":
        source.problem(
            source.at("upstreams", index, "model"),
            "found 'model', expected it only with 'kind: litellm': bytes go on as they came",
        )


def _check_jwt(jwt: JwtModel, source: Source) -> None:
    given = [name for name in _KEY_SOURCES if getattr(jwt, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        source.problem(
            source.key("jwt"), f"found {found}, expected exactly one of {', '.join(_KEY_SOURCES)}"
        )
    shared = [name for name in jwt.algorithms if name.startswith("HS")]
    if bool(shared) != bool(jwt.secret_env) or (shared and len(shared) < len(jwt.algorithms)):
        source.problem(
            source.at("jwt", "algorithms"),
            "found a mixture, expected HS256, HS384, HS512 with 'secret_env' only, others with a "
            "public key only",
        )


def _variables(model: GatewayModel) -> Iterable[tuple[tuple[int | str, ...], str]]:
    for index, upstream in enumerate(model.upstreams):
        if upstream.api_key_env:
            yield ("upstreams", index, "api_key_env"), upstream.api_key_env
    if model.jwt is not None and model.jwt.secret_env:
        yield ("jwt", "secret_env"), model.jwt.secret_env
    if model.metrics.token_env:
        yield ("metrics", "token_env"), model.metrics.token_env


def address(listen: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`."""
    host, _, _ = listen.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), _port(listen) or 0


def _port(listen: str) -> int | None:
    host, _, port = listen.rpartition(":")
    good = host and port.isascii() and port.isdigit() and int(port[:6]) <= 65_535  # noqa: PLR2004
    return int(port) if good else None


def _placed(model: GatewayModel, folder: Path) -> GatewayModel:
    changes: dict[str, object] = {}
    if model.policy not in shipped():
        changes["policy"] = str(folder / model.policy)
    if model.jwt is not None:
        files = {
            name: str(folder / value)
            for name in ("jwks_file", "key_file")
            if (value := getattr(model.jwt, name)) is not None
        }
        changes["jwt"] = model.jwt.model_copy(update=files)
    return model.model_copy(update=changes)
