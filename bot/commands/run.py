"""`oncall-agent run`."""

import asyncio
import signal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bot.settings import Settings


@click.command()
def run() -> None:
    """Run the bot with the settings of the environment and of .env, until it is told to stop."""
    from bot import logging, settings

    loaded = settings.load()
    logging.configure(loaded.log)
    asyncio.run(serve_until_signalled(loaded))


async def serve_until_signalled(settings: "Settings") -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way and stop."""
    from bot.connect import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(settings):
        await stop.wait()
