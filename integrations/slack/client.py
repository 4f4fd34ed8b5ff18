"""The Web API client: base URL, token and which failures it repeats by itself."""

import aiohttp
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import SlackSettings

TIMEOUT_SECONDS = 15

# After a lost answer nobody knows whether these took place. The messenger looks before it repeats them.
NOT_REPEATABLE = ("chat.postMessage", "chat.postEphemeral", "files.completeUploadExternal")


def _repeatable(request: HttpRequest) -> bool:
    return not request.url.endswith(NOT_REPEATABLE)


class ConnectionRetry(AsyncConnectionErrorRetryHandler):
    """Repeats after a broken connection, except what could then be there twice."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        return _repeatable(request) and await super()._can_retry_async(
            state=state, request=request, response=response, error=error
        )


class ServerErrorRetry(AsyncServerErrorRetryHandler):
    """Repeats after a 500 or 503, except what could then be there twice."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        return _repeatable(request) and await super()._can_retry_async(
            state=state, request=request, response=response, error=error
        )


def make_session() -> aiohttp.ClientSession:
    """Return a session for `make_client`; it saves a TLS handshake per call. The caller closes it."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))


def make_client(settings: SlackSettings, session: aiohttp.ClientSession | None = None) -> AsyncWebClient:
    """Return the client that the messenger and the gateway share. Without a session every call opens its own."""
    return AsyncWebClient(
        token=settings.bot_token.get_secret_value(),
        base_url=settings.api_url,
        timeout=TIMEOUT_SECONDS,
        session=session,
        retry_handlers=[
            ConnectionRetry(max_retry_count=2),
            AsyncRateLimitErrorRetryHandler(max_retry_count=2),
            ServerErrorRetry(max_retry_count=2),
        ],
    )
