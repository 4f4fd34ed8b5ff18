"""Everything that goes wrong with the Messages API, as errors of ours with a sentence for the thread."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from bot.errors import AuthenticationFailed, InvalidResponse, NotFound, Unavailable, VendorError
from integrations.claude.spending import VENDOR

_STOPS: Final = {
    "max_tokens": "Claude's answer was cut off at the token limit.",
    "model_context_window_exceeded": "The incident does not fit into Claude's context window.",
    "stop_sequence": "Claude stopped in the middle of its answer.",
}
_OVERLOADED: Final = frozenset({"overloaded_error", "rate_limit_error", "api_error", "timeout_error"})


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn whatever the SDK or its HTTP layer raises into VendorError."""
    import anthropic  # noqa: PLC0415 - heavy, and only needed with a key
    import httpx2  # noqa: PLC0415

    try:
        yield
    except anthropic.APIStatusError as error:
        raise _from_status(error) from error
    except (anthropic.APITimeoutError, httpx2.TimeoutException) as error:
        raise Unavailable("Claude stopped answering in the middle of its work.", vendor=VENDOR) from error
    except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
        raise Unavailable("Claude cannot be reached.", vendor=VENDOR) from error
    except (anthropic.AnthropicError, AssertionError, ValueError) as error:
        # An empty body ends in an AssertionError inside the SDK, broken tool arguments in a ValueError.
        raise InvalidResponse("Claude's answer could not be read.", vendor=VENDOR) from error


def _from_status(error: Any) -> VendorError:
    kind = getattr(error, "type", None) or ""
    match error.status_code:
        case 401 | 403:
            return AuthenticationFailed(
                "Claude does not accept the API key.", vendor=VENDOR, next_step="Check ANTHROPIC_API_KEY."
            )
        case 402:
            return AuthenticationFailed("The Anthropic account has no credit left.", vendor=VENDOR)
        case 404:
            return NotFound("Claude does not know the model.", vendor=VENDOR, next_step="Check CLAUDE_MODEL.")
        case 413:
            return InvalidResponse("The incident is too large for one request to Claude.", vendor=VENDOR)
        case 429:
            return Unavailable(
                "Claude is rate-limited or at its spending cap.", vendor=VENDOR, retry_after=_retry_after(error)
            )
        case 529:
            return Unavailable("Claude is overloaded.", vendor=VENDOR, retry_after=_retry_after(error))
        case 200 if kind in _OVERLOADED:  # an error event in the middle of a stream
            return Unavailable("Claude was overloaded in the middle of its answer.", vendor=VENDOR)
        case status if status >= 500:
            return Unavailable(f"Claude answers with an error ({status}).", vendor=VENDOR)
    return InvalidResponse(
        f"Claude refused the request ({error.status_code} {kind}).".replace(" )", ")"), vendor=VENDOR
    )


def _retry_after(error: Any) -> float | None:
    value = error.response.headers.get("retry-after", "")
    return float(value) if value.replace(".", "", 1).isdigit() else None


def check_stop(message: Any) -> None:
    """Raise VendorError when a turn did not end as one should."""
    reason = message.stop_reason
    if reason is None:
        raise Unavailable("Claude's answer broke off before its end.", vendor=VENDOR)
    if reason == "refusal":
        category = getattr(getattr(message, "stop_details", None), "category", None)
        about = f" (category {category})" if category else ""
        raise InvalidResponse(f"Claude declined to look at this incident{about}.", vendor=VENDOR)
    if reason in _STOPS:
        raise InvalidResponse(_STOPS[reason], vendor=VENDOR)
