"""Who and where: the bot itself, people with their groups, and channels by name, each remembered for a while."""

from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.actor import Actor, Via
from bot.errors import NotFound
from integrations.slack.errors import VENDOR, error_code, translate, translated
from integrations.slack.pacing import Clock

logger = structlog.get_logger(__name__)

REMEMBER_SECONDS = 300.0
# A workspace without paid features has no user groups; an app without the scope cannot see them. Either way nobody is
# in a group, which lets nobody approve who is not named by id.
_NO_GROUPS = frozenset({"missing_scope", "paid_teams_only", "plan_upgrade_required", "not_allowed", "no_permission"})


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot as auth.test names it."""

    team: str
    team_url: str
    user_id: str
    bot_id: str


class Directory:
    """Reads people, groups and channels; everything raises VendorError."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._identity: Identity | None = None
        self._people: dict[str, tuple[float, dict[str, Any]]] = {}
        self._groups: tuple[float, dict[str, frozenset[str]]] | None = None
        self._channels: dict[str, str] = {}

    async def identity(self) -> Identity:
        if self._identity is None:
            async with translated():
                answer = await self._client.auth_test()
            self._identity = Identity(
                team=str(answer.get("team") or ""),
                team_url=str(answer.get("url") or ""),
                user_id=str(answer.get("user_id") or ""),
                bot_id=str(answer.get("bot_id") or ""),
            )
        return self._identity

    async def person(self, user_id: str) -> Actor:
        """Return who a user is. Raise NotFound for an unknown, deleted or automatic user."""
        profile = await self._profile(user_id)
        details = profile.get("profile") or {}
        names = (details.get("real_name"), profile.get("real_name"), details.get("display_name"), profile.get("name"))
        name = next((candidate for candidate in names if candidate), user_id)
        groups = await self._groups_by_user()
        return Actor(
            id=user_id,
            via=Via.SLACK,
            name=str(name),
            email=details.get("email") or None,
            groups=groups.get(user_id, frozenset()),
        )

    async def _profile(self, user_id: str) -> dict[str, Any]:
        kept = self._people.get(user_id)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        async with translated():
            answer = await self._client.users_info(user=user_id)
        profile: dict[str, Any] = answer["user"]
        if profile.get("deleted") or profile.get("is_bot"):
            raise NotFound("This Slack user is deactivated or not a person.", vendor=VENDOR)
        if len(self._people) > 2000:
            self._people.clear()
        self._people[user_id] = (self._clock() + REMEMBER_SECONDS, profile)
        return profile

    async def _groups_by_user(self) -> dict[str, frozenset[str]]:
        if self._groups is not None and self._groups[0] > self._clock():
            return self._groups[1]
        members: dict[str, set[str]] = {}
        for group in await self._list_groups():
            for user_id in group.get("users") or ():
                members.setdefault(user_id, set()).add(group["id"])
        frozen = {user_id: frozenset(groups) for user_id, groups in members.items()}
        self._groups = (self._clock() + REMEMBER_SECONDS, frozen)
        return frozen

    async def _list_groups(self) -> list[dict[str, Any]]:
        async with translated():
            try:
                answer = await self._client.usergroups_list(include_users=True)
            except SlackApiError as error:
                if error_code(error) not in _NO_GROUPS:
                    raise
                logger.warning("slack_groups_unreadable", reason=error_code(error), advice=translate(error).next_step)
                return []
        return list(answer.get("usergroups") or ())

    def forget_groups(self) -> None:
        """Read the groups anew next time: somebody joined or left one."""
        self._groups = None

    async def channel_id(self, name_or_id: str) -> str:
        """Return the id of a channel given by id or name. Raise NotFound with what to do."""
        name = name_or_id.strip().removeprefix("#")
        if name[:1] in {"C", "G", "D"} and name.isalnum() and name.isupper() and len(name) >= 9:
            return name
        if name not in self._channels:
            await self._list_channels()
        if name not in self._channels:
            raise NotFound(
                f"There is no channel #{name} that the bot can see.",
                vendor=VENDOR,
                next_step="Create it, invite the bot, or set INCIDENT_CHANNEL (or SERVICE_CHANNELS) to another one.",
            )
        return self._channels[name]

    async def _list_channels(self) -> None:
        cursor = ""
        while True:
            async with translated():
                answer = await self._client.conversations_list(
                    types="public_channel,private_channel", exclude_archived=True, limit=500, cursor=cursor
                )
            for channel in answer.get("channels") or ():
                self._channels[channel["name"]] = channel["id"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
