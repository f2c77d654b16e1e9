"""Protocols as they are on the wire: what a call asks, what a reply says, how a refusal looks.

Pure, one module a protocol. `http` has the values, `codec` the contract, `routes` finds the codec,
`exchange` runs a call through a guard. The surfaces (httpx, ASGI, the gateway) are built on it.
"""
