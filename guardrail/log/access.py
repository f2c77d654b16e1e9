"""Who looked at what, and why: an entry that is written before anything is shown."""

from __future__ import annotations

import json
import os
import pwd
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.errors import GuardrailError, LogUnavailable
from guardrail.log.event import Personal
from guardrail.log.fragments import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from guardrail.log.log import Log

EVENT = "access"
MAX_WHY = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who does something. name: of the account; source: who vouches for it (`os`, `console`).

    uid, sudo_user, host: of the operating system, where it is known.
    """

    name: str
    source: str = "os"
    uid: int | None = None
    sudo_user: str = ""
    host: str = ""

    def json(self) -> dict[str, Any]:
        """As it stands in an entry."""
        return {
            "name": plain(self.name),
            "source": plain(self.source, 32),
            "uid": self.uid,
            "sudo_user": plain(self.sudo_user),
            "host": plain(self.host),
        }


@dataclass(frozen=True, slots=True)
class Access:
    """One look, as the log has it. seq: of its entry; at: ns, UTC; who, what: JSON."""

    seq: int
    at: int
    who: Mapping[str, Any]
    what: Mapping[str, Any]
    why: str


def os_identity() -> Identity:
    """Whoever runs this process, as the operating system knows them."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Identity(name, "os", uid, os.environ.get("SUDO_USER", ""), socket.gethostname())


def access(
    log: Log, who: Identity, what: Mapping[str, Any], why: str = "", *, user: str | None = None
) -> int:
    """Write down that somebody is about to look, durably; gives the entry's number.

    what: a command and what it is pointed at, JSON without ids of users. user: the id of the user
    looked for, if it was one; where the log keeps something of them, the entry commits to the
    pseudonym, which goes when they are erased.

    Raises LogUnavailable when it cannot be written: then nothing may be shown.
    """
    fields = {"who": who.json(), "what": dict(what), "why": plain(why, MAX_WHY)}
    try:
        personal = None
        if user and _is_known(log, user):
            pseudonym = log.vault.keys.user(user)
            personal = Personal({"user": pseudonym}, pseudonym)
        return log.record(EVENT, fields, personal=personal)
    except GuardrailError as error:
        raise LogUnavailable(
            f"nothing is shown, because this access cannot be written to the log: {error}"
        ) from None


def _is_known(log: Log, user: str) -> bool:
    """Whether the log keeps something of a user: looking must not bring a pseudonym back."""
    names = log.vault.ring.users(user)
    marks = ", ".join("?" * len(names))
    with log.reading() as session:
        sql = f'SELECT 1 FROM attempts WHERE "user" IN ({marks}) LIMIT 1'  # noqa: S608
        return session.row(sql, names) is not None


def read_accesses(
    log: Log, since: int | None = None, until: int | None = None, *, newest_first: bool = False
) -> Iterator[Access]:
    """Who looked in [since, until) (ns, UTC), in order."""
    for entry in log.entries([EVENT], since, until, newest_first=newest_first):
        body = json.loads(entry.body)
        who, what = body.get("who"), body.get("what")
        yield Access(
            entry.seq,
            entry.at,
            who if isinstance(who, dict) else {"name": str(who)},
            what if isinstance(what, dict) else {"command": str(what)},
            str(body.get("why", "")),
        )
