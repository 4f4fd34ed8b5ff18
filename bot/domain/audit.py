"""Audit events and the chain that makes tampering visible."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from bot.domain.base import Frozen, canonical_json

GENESIS = "0" * 64


class AuditEvent(Frozen):
    """One row of the trail. `action` reads `source:subject:verb`, such as `slack:proposal:approve`.

    `actor` is the id of whoever acted, as its door knows it: a Slack user id, a name at PagerDuty, `bot`. `hash` is an
    HMAC-SHA256 over everything else, the previous row's hash included, with a key that is not in the database.
    """

    seq: int
    at: datetime
    actor: str
    action: str
    incident_id: str | None = None
    body: dict[str, Any] = Field(default_factory=dict)
    prev: str
    hash: str


def chain_hash(
    key: bytes,
    *,
    seq: int,
    at: datetime,
    actor: str,
    action: str,
    incident_id: str | None,
    body: dict[str, Any],
    prev: str,
) -> str:
    """Return the hash of one row of the chain as 64 hexadecimal digits."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    text = canonical_json([seq, moment, actor, action, incident_id, body, prev])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class ChainBreak(Frozen):
    """The first place where the trail does not fit together."""

    seq: int
    reason: str


class ChainReport(Frozen):
    """The result of a verification: how many rows were read, and the first break, if any."""

    events: int
    head: str
    first_break: ChainBreak | None = None

    @property
    def intact(self) -> bool:
        return self.first_break is None
