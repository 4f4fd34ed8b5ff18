"""Wait for something to become true, and say what did not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def wait_until(
    probe: Callable[[], Awaitable[T | None]], seconds: float = 15.0, what: str = "it", pause: float = 0.02
) -> T:
    """Return the first value of `probe` that is true. Raise AssertionError after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                value = await probe()
                if value:
                    return value
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen within {seconds} s") from None
