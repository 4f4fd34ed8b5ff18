"""The figures of the App Home and the reports."""

from datetime import timedelta

from bot.domain.metrics import Figures, figures
from bot.services.core import Core
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store


class AnalyticsService:
    """Sums up what is stored."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def figures(self, days: int = 7) -> Figures:
        """Return the figures of the last `days` days, today included."""
        until = self._core.now()
        since = (until - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._core.reading() as session:
            incidents = await incident_store.list_since(session, since)
            return figures(
                incidents,
                since=since,
                until=until,
                open_now=await incident_store.count_open(session),
                proposals=await proposal_store.proposal_figures(session, since),
            )
