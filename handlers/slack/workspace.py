"""What happens in the workspace around the bot: user groups change, the bot joins channels, people react."""

from typing import Any

from slack_bolt.async_app import AsyncApp

from handlers.slack.wiring import Wiring

JSON = dict[str, Any]


def register(app: AsyncApp, wiring: Wiring) -> None:
    @app.event("subteam_members_changed")
    async def on_group_changed() -> None:
        # Who may approve depends on groups: a removal has to count at once.
        wiring.forget_groups()

    @app.event("member_joined_channel")
    async def on_joined() -> None:
        """Nothing to do: listening begins by itself."""

    @app.event("reaction_added")
    async def on_reaction() -> None:
        """Reactions decide nothing here."""
