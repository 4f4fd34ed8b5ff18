"""Answers, modals and App Home for the handlers, rendered by this integration's blocks."""

from collections.abc import Sequence
from typing import Any

from bot.domain.action import Proposal
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.metrics import Figures
from integrations.slack import blocks
from integrations.slack.blocks.commands import Component
from integrations.slack.messenger import SlackMessenger

JSON = dict[str, Any]


class SlackScreens:
    """Messages are `{"text", "blocks"}`, views are what views.open takes. Nothing here sends anything."""

    def __init__(self, messenger: SlackMessenger) -> None:
        self._messenger = messenger

    def notice(self, text: str) -> JSON:
        """One line of mrkdwn; use `escape` for what is not ours."""
        return blocks.notice(text)

    def escape(self, text: str) -> str:
        return blocks.inline(text)

    def error(self, sentence: str, next_step: str = "", error_id: str = "") -> JSON:
        return blocks.error(sentence, next_step, error_id)

    def error_view(self, sentence: str, next_step: str = "", error_id: str = "") -> JSON:
        return blocks.error_view(sentence, next_step, error_id)

    def help_text(self, command: str, subcommands: Sequence[tuple[str, str]], intro: str = "") -> JSON:
        return blocks.help_text(command, subcommands, intro)

    def status(self, components: Sequence[Component]) -> JSON:
        return blocks.status(components)

    async def incidents(self, incidents: Sequence[Incident]) -> JSON:
        return blocks.incident_list(incidents, await self._messenger.thread_linker())

    def evidence(self, incident: Incident, evidence: Sequence[Evidence]) -> JSON:
        return blocks.evidence_modal(incident, evidence)

    def proposal(self, proposal: Proposal) -> JSON:
        return blocks.proposal_modal(proposal)

    def confirm(self, proposal: Proposal) -> JSON:
        return blocks.confirm_modal(proposal)

    def reject(self, proposal: Proposal) -> JSON:
        return blocks.reject_modal(proposal)

    def investigate(self) -> JSON:
        return blocks.investigate_modal()

    async def home(
        self,
        incidents: Sequence[Incident],
        pending: Sequence[Proposal],
        figures: Figures,
        *,
        days: int,
        chart: bool,
    ) -> JSON:
        """App Home; ask for text bars instead of the `chart` when Slack refuses it."""
        link = await self._messenger.thread_linker()
        return blocks.home(incidents, pending, figures, days=days, thread_link=link, chart=chart)
