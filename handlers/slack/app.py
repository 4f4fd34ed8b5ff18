"""The Bolt app with every handler, and the Socket Mode connection that feeds it."""

import asyncio
import logging
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError

from bot.errors import AuthenticationFailed, Unavailable, new_error_id
from handlers.slack import actions, home, mentions, messages, shortcuts, slash_command, views, workspace
from handlers.slack.replies import NETWORK_ERRORS
from handlers.slack.wiring import Wiring

logger = structlog.get_logger(__name__)

AREAS = (messages, actions, views, slash_command, mentions, home, shortcuts, workspace)
WARM_UP = "oncall_agent_warm_up"
_TOKEN_REFUSED = frozenset(
    {"invalid_auth", "not_authed", "not_allowed_token_type", "token_revoked", "token_expired", "missing_scope"}
    | {"account_inactive", "no_permission"}
)


def build_app(wiring: Wiring) -> AsyncApp:
    """Return the app with all handlers.

    `process_before_response` makes Bolt acknowledge after the listener: an alert is acknowledged once it is durable,
    and one that could not be stored is not acknowledged at all, so that Slack delivers it again. Everything that a
    click starts runs as a supervised task, so no acknowledgement waits for work.
    """
    app = AsyncApp(
        client=wiring.client,
        name="oncall-agent",
        process_before_response=True,
        # The socket is authenticated by its URL; there is no HTTP request to verify.
        request_verification_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    register(app, wiring)
    return app


def register(app: AsyncApp, wiring: Wiring) -> None:
    """Register every handler on `app`. The areas whose events are the most frequent come first."""
    for area in AREAS:
        area.register(app, wiring)

    @app.error
    async def on_error(error: Exception, body: dict[str, Any]) -> None:
        # The answer stays a failure, so Slack does not count the request as received.
        kind = (body.get("event") or {}).get("type") or body.get("type") or body.get("command")
        if kind == WARM_UP and isinstance(error, NETWORK_ERRORS):
            logger.warning("slack_unreachable", reason=str(error))  # asked again soon; a traceback would say no more
            return
        logger.error("slack_listener_failed", kind=kind, error_id=new_error_id(), exc_info=error)


class SlackGateway:
    """Receives what happens in the workspace, over Socket Mode, until it is stopped."""

    def __init__(self, app_token: str, wiring: Wiring, *, ping_seconds: float = 10.0) -> None:
        self._app_token = app_token
        self._wiring = wiring
        self._ping_seconds = ping_seconds
        self._handler: AsyncSocketModeHandler | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._authorised = False

    @property
    def connected(self) -> bool:
        """Whether events can arrive right now."""
        if self._handler is None:
            return False
        socket = self._handler.client
        session = socket.current_session
        return not socket.closed and not socket.stale and session is not None and not session.closed

    async def check(self) -> str:
        """Return one sentence about the connection. Raise Unavailable while there is none.

        Asks Slack nothing, so it may be called as often as a readiness probe likes.
        """
        if not self.connected:
            raise Unavailable(
                "The connection to Slack (Socket Mode) is down; the bot keeps trying.",
                vendor="Slack",
                next_step="Check SLACK_APP_TOKEN and the way to Slack when it stays so.",
            )
        return "Events arrive over Socket Mode."

    async def start(self, *, timeout_seconds: float = 10.0) -> None:
        """Connect. Raise AuthenticationFailed for a refused app token.

        When Slack is away this returns after `timeout_seconds` and goes on trying in the background.
        """
        await self._check_token()
        app = build_app(self._wiring)
        app.event(WARM_UP)(self._on_warm_up)
        quiet = logging.getLogger("slack_sdk.socket_mode")
        self._handler = AsyncSocketModeHandler(app, self._app_token, logger=quiet, ping_interval=self._ping_seconds)
        tasks = self._wiring.tasks
        connecting = tasks.keep_running(lambda: self._connect(app), name="slack connect")
        self._tasks = [connecting, tasks.keep_running(self._watch, name="slack watch")]
        try:
            await asyncio.wait({connecting}, timeout=timeout_seconds)
        except BaseException:
            await self.stop()  # cancelled while starting: the socket client has tasks and a session of its own
            raise

    async def stop(self) -> None:
        """Disconnect. What was not acknowledged by now is delivered again to whoever is connected next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]  # Bolt's annotations have gaps
            await asyncio.sleep(0)  # lets the client's own tasks notice that they were cancelled
            self._handler = None

    async def _check_token(self) -> None:
        try:
            await self._wiring.client.apps_connections_open(app_token=self._app_token)
        except SlackApiError as error:
            if error.response.get("error") in _TOKEN_REFUSED:
                raise AuthenticationFailed(
                    "Slack does not accept the app-level token.",
                    vendor="Slack",
                    next_step="Create one with the scope connections:write and set it as SLACK_APP_TOKEN.",
                ) from error
            logger.warning("slack_connection_refused", reason=error.response.get("error"))
        except NETWORK_ERRORS as error:
            logger.warning("slack_unreachable", reason=str(error))

    async def _on_warm_up(self) -> None:
        self._authorised = True

    async def _connect(self, app: AsyncApp) -> None:
        # Bolt asks auth.test on the first event and lets the event go when that fails. So it is asked before any
        # event can come: an event of our own passes the same way until it arrives.
        pause = 0.5
        while not self._authorised:
            body = {"type": "event_callback", "event": {"type": WARM_UP}}
            try:
                await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
            except NETWORK_ERRORS as error:
                logger.warning("slack_unreachable", reason=str(error))
            if not self._authorised:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 30.0)
        if self._handler is not None:
            await self._handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt's annotations have gaps
            logger.info("slack_connected")

    async def _watch(self) -> None:
        """Give up a socket address that does not work: the client would try the same, expired one for ever."""
        while True:
            await asyncio.sleep(3 * self._ping_seconds)
            if self._handler is not None and not self.connected:
                logger.warning("slack_disconnected")
                self._handler.client.wss_uri = None
