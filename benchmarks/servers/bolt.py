"""The baseline for Slack: a Bolt app that does nothing. python -m benchmarks.servers.bolt API_URL."""

import asyncio
import sys

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.processes import until_told


async def serve(api_url: str) -> None:
    """Run the least that Bolt can be: default options, one listener that returns."""
    app = AsyncApp(client=AsyncWebClient(token="xoxb-1", base_url=api_url))

    @app.event("message")
    async def on_message() -> None:
        return

    handler = AsyncSocketModeHandler(app, "xapp-1")
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt's annotations have gaps
    try:
        await until_told({})
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
