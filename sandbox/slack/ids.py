"""Identifiers, timestamps and tokens in Slack's shapes."""

import secrets
import string
import time

_ALPHABET = string.ascii_uppercase + string.digits
_BLOCK_ALPHABET = string.ascii_letters + string.digits + "+/="


def new_id(prefix: str) -> str:
    """Return an object id such as C0K3J9XQ2LM: the kind's letter, then 10 characters."""
    return prefix + "0" + "".join(secrets.choice(_ALPHABET) for _ in range(9))


def new_block_id() -> str:
    """Return what Slack fills in for a block without a block_id: five characters."""
    return "".join(secrets.choice(_BLOCK_ALPHABET) for _ in range(5))


def new_bot_token() -> str:
    return f"xoxb-{_digits(13)}-{_digits(13)}-{secrets.token_hex(12)}"


def new_app_token(app_id: str) -> str:
    return f"xapp-1-{app_id}-{_digits(13)}-{secrets.token_hex(32)}"


def _digits(count: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(count))


class Timestamps:
    """Message timestamps: unix seconds with six decimals, unique and rising within the workspace."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        self._last = max(time.time_ns() // 1000, self._last + 1)
        seconds, micros = divmod(self._last, 1_000_000)
        return f"{seconds}.{micros:06d}"
