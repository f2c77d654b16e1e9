"""Messages between a client and the writer: four bytes of length (big-endian), then JSON."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

from guardrail.errors import InputError, LogUnavailable

VERSION = 1
MAX_FRAME = 16 << 20
MAX_IN_FLIGHT = 1024
HEADER = struct.Struct(">I")


def frame(message: list[Any]) -> bytes:
    """One message; raises LogUnavailable when it is longer than 16 MiB or cannot be written."""
    try:
        data = json.dumps(message, separators=(",", ":"), allow_nan=True).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise LogUnavailable(f"cannot be sent to the log's writer ({error})") from None
    if len(data) > MAX_FRAME:
        raise LogUnavailable(
            f"an attempt of {len(data):,} bytes is more than the log's writer takes ({MAX_FRAME:,})"
        )
    return HEADER.pack(len(data)) + data


def size_of(header: bytes) -> int:
    """Bytes of the message that follows; raises InputError for more than 16 MiB."""
    size: int = HEADER.unpack(header)[0]
    if size > MAX_FRAME:
        raise InputError(f"a message of {size:,} bytes; at most {MAX_FRAME:,} are taken")
    return size


def parse(data: bytes) -> list[Any]:
    """The message in a frame; raises InputError."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON ({type(error).__name__})") from None
    if not isinstance(message, list) or not message:
        raise InputError("not a message")
    return message


def peer_user(connection: socket.socket) -> int | None:
    """User id of the process at the other end; None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    found = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    user: int = struct.unpack("3i", found)[1]
    return user
