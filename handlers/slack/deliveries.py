"""Events come at least once: the same delivery is worked on once, and a failed one may be tried again."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

MOST_REMEMBERED = 2000


class Deliveries:
    """Remembers the newest deliveries of this process; intake has the durable memory across processes."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, asyncio.Future[None]] = OrderedDict()

    async def once(self, event_id: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` for a new delivery; for a repeated one wait until the first is through.

        What the first raises, a repetition raises as well, and the next one tries again.
        """
        known = self._seen.get(event_id)
        if known is not None:
            await asyncio.shield(known)
            return
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._seen[event_id] = outcome
        while len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        try:
            await work()
        except BaseException as error:
            self._seen.pop(event_id, None)
            if isinstance(error, Exception):
                outcome.set_exception(error)
                outcome.exception()  # somebody looked: nobody may be waiting, and that is fine
            else:
                outcome.cancel()
            raise
        outcome.set_result(None)
