"""Slack's refusals as errors of ours, each with what a person can do about it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import AuthenticationFailed, InvalidResponse, NotFound, Unavailable, VendorError

VENDOR: Final = "Slack"

_CREDENTIALS: Final = {
    "invalid_auth": "Slack does not accept the token.",
    "not_authed": "Slack got no token.",
    "account_inactive": "The Slack app was uninstalled or its workspace was deleted.",
    "token_revoked": "The Slack token was revoked.",
    "token_expired": "The Slack token has expired.",
    "not_allowed_token_type": "Slack does not accept this kind of token here.",
    "no_permission": "The Slack app lacks a permission.",
    "ekm_access_denied": "The workspace's administrators have suspended access.",
}
_MISSING: Final = {
    "channel_not_found": (
        "Slack knows no such channel, or the bot cannot see it.",
        "Check the channel's name or id; invite the bot to a private channel with /invite.",
    ),
    "not_in_channel": ("The bot is not in the channel.", "Invite it with /invite."),
    "is_archived": ("The channel is archived.", "Unarchive it or set INCIDENT_CHANNEL to another one."),
    "message_not_found": ("The message does not exist any more.", ""),
    "thread_not_found": ("The thread does not exist any more.", ""),
    "user_not_found": ("Slack knows no such person.", ""),
    "users_not_found": ("Slack knows no such person.", ""),
    "user_not_in_channel": ("The person is not in the channel.", ""),
}
_PASSING: Final = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"}
)
LAYOUT_REFUSED: Final = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"})


class LayoutRefused(InvalidResponse):
    """Slack does not accept the blocks of a message; the text alone may still get through."""


def error_code(error: SlackApiError) -> str:
    """Return Slack's code (`channel_not_found`), empty when the answer has none."""
    return str(_body(error).get("error", ""))


def _body(error: SlackApiError) -> dict[str, Any]:
    data = getattr(error.response, "data", error.response)
    return data if isinstance(data, dict) else {}


def translate(error: SlackApiError) -> VendorError:
    """Return our error for a refusal; the caller raises it from the original."""
    body, code = _body(error), error_code(error)
    status = getattr(error.response, "status_code", getattr(error.response, "status", 200))
    if code in {"ratelimited", "rate_limited"} or status == 429:
        return Unavailable("Slack asks to slow down.", vendor=VENDOR, retry_after=_retry_after(error))
    if code == "missing_scope":
        needed = str(body.get("needed", "")) or "unknown"
        return AuthenticationFailed(
            f"The Slack app lacks the scope {needed}.",
            vendor=VENDOR,
            next_step=f"Add {needed} to the app's bot token scopes (manifest.yml has them all) and reinstall it.",
        )
    if code in _CREDENTIALS:
        step = "Check SLACK_BOT_TOKEN and SLACK_APP_TOKEN, and that the app is installed."
        return AuthenticationFailed(_CREDENTIALS[code], vendor=VENDOR, next_step=step)
    if code in _MISSING:
        sentence, step = _MISSING[code]
        return NotFound(sentence, vendor=VENDOR, next_step=step)
    if code in _PASSING or status >= 500:
        return Unavailable("Slack has a problem of its own right now.", vendor=VENDOR)
    if code in LAYOUT_REFUSED:
        problems = "; ".join(str(m) for m in (body.get("response_metadata") or {}).get("messages", ()))
        return LayoutRefused(f"Slack refused the layout of a message ({code}: {problems}).", vendor=VENDOR)
    return InvalidResponse(f"Slack refused a request ({code or 'no reason given'}).", vendor=VENDOR)


def _retry_after(error: SlackApiError) -> float | None:
    headers = getattr(error.response, "headers", None) or {}
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn what the SDK and the network raise inside into VendorError."""
    try:
        yield
    except SlackApiError as error:
        raise translate(error) from error
    except SlackClientError as error:
        raise InvalidResponse("Slack's client could not make the request.", vendor=VENDOR) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unavailable("Slack cannot be reached.", vendor=VENDOR) from error
