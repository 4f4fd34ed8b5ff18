"""Talking to people. The core says what; the implementation decides how it looks."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.action import Proposal
from bot.domain.actor import Actor
from bot.domain.alert import MessageRef
from bot.domain.analysis import Analysis
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, Progress
from bot.domain.incident import Incident


class Messenger(Protocol):
    """Posts to and updates the incident's thread.

    Every `post_*` takes `key`, which is unique for what is posted and travels in the message's metadata:
    `find_posted` looks it up, so that a post that was interrupted by a crash is not repeated. All methods raise
    VendorError.
    """

    async def open_thread(self, incident: Incident, channel: str, key: str) -> MessageRef:
        """Post the root message of an incident that has none in Slack yet."""

    async def update_root(self, incident: Incident, message: MessageRef) -> None:
        """Show the incident's present state in a root message of ours."""

    async def post_progress(self, incident: Incident, progress: Progress, key: str) -> MessageRef: ...

    async def update_progress(self, incident: Incident, message: MessageRef, progress: Progress) -> None: ...

    async def show_analysis(
        self, incident: Incident, message: MessageRef, analysis: Analysis, proposals: int, progress: Progress
    ) -> None:
        """Replace the progress by the analysis. `progress` is its last state, for the line on how it was made."""

    async def ask_target(
        self, incident: Incident, message: MessageRef, candidates: Sequence[ObjectRef], reason: str
    ) -> None:
        """Replace the progress by a select that asks which workload it is about."""

    async def post_proposal(self, incident: Incident, proposal: Proposal, key: str) -> MessageRef: ...

    async def update_proposal(self, incident: Incident, proposal: Proposal, step: str = "") -> None:
        """Show the proposal's present state; `step` is what an execution is doing right now."""

    async def offer_resolve(self, incident: Incident, proposal: Proposal, key: str) -> MessageRef: ...

    async def update_resolve(self, incident: Incident, proposal: Proposal, message: MessageRef) -> None:
        """Show in the offer to resolve what became of the incident."""

    async def post_notice(self, incident: Incident, text: str, key: str) -> MessageRef:
        """Post one line of Slack mrkdwn into the thread; the caller has escaped what is not ours."""

    async def post_evidence_file(self, incident: Incident, evidence: Sequence[Evidence], key: str) -> None:
        """Attach long evidence to the thread as a file."""

    async def find_posted(self, incident: Incident, key: str) -> MessageRef | None:
        """Return the message of the incident's channel or thread that carries `key`, None if there is none."""

    async def person(self, user_id: str) -> Actor:
        """Return who a Slack user is, with e-mail and user groups (cached for a few minutes)."""
