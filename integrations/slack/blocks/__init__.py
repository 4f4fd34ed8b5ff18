"""Domain objects as Slack messages and views: pure functions that return plain dicts.

A message is `{"text": ..., "blocks": [...]}`, ready for chat.postMessage and chat.update; a view is what views.open
and views.publish take.
"""

from integrations.slack.blocks.analysis import analysis
from integrations.slack.blocks.commands import help_text, incident_list, status
from integrations.slack.blocks.errors import error, error_view
from integrations.slack.blocks.home import home
from integrations.slack.blocks.modals import (
    confirm_modal,
    evidence_modal,
    investigate_modal,
    proposal_modal,
    reject_modal,
)
from integrations.slack.blocks.notice import notice
from integrations.slack.blocks.progress import progress
from integrations.slack.blocks.proposal import proposal
from integrations.slack.blocks.question import question
from integrations.slack.blocks.resolve import resolve
from integrations.slack.blocks.root import root
from integrations.slack.blocks.text import inline

__all__ = [
    "analysis",
    "confirm_modal",
    "error",
    "error_view",
    "evidence_modal",
    "help_text",
    "home",
    "incident_list",
    "inline",
    "investigate_modal",
    "notice",
    "progress",
    "proposal",
    "proposal_modal",
    "question",
    "reject_modal",
    "resolve",
    "root",
    "status",
]
