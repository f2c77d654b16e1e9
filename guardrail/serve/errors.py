"""What can go wrong between the gateway and an upstream, and what a client is told of it."""

from __future__ import annotations

from guardrail.errors import GuardrailError


class BadGateway(GuardrailError):
    """A call that no upstream answered; `status`, `code` and the message are for the client."""

    status = 502
    code = "upstream_error"


class UpstreamTimeout(BadGateway):
    """It did not answer in time."""

    status = 504
    code = "upstream_timeout"


class UpstreamUnreachable(BadGateway):
    """No connection stands."""

    code = "upstream_unreachable"


class UpstreamBroken(BadGateway):
    """It broke off, or does not speak HTTP."""


class UpstreamForbids(BadGateway):
    """It does not take the gateway's own key; what it said of that is not shown."""

    code = "upstream_forbids"


class UpstreamMoved(BadGateway):
    """It points elsewhere, where nothing would be screened."""

    code = "upstream_moved"


class Overloaded(BadGateway):
    """There are more calls than connections."""

    status = 503
    code = "overloaded"


class NoSuchModel(BadGateway):
    """No upstream has this model."""

    status = 404
    code = "model_not_found"


class NotServed(BadGateway):
    """The upstream of this model does not have this route."""

    status = 404
    code = "not_served"
