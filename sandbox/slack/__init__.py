"""A Slack workspace on loopback: Web API, Socket Mode and a page, for the demo and for tests."""

from sandbox.slack.apps import AppDefinition, Shortcut, SlashCommand
from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Fault, Faults
from sandbox.slack.seed import Seed, default_seed
from sandbox.slack.workspace import SlackWorkspace

__all__ = [
    "AppDefinition",
    "Fault",
    "Faults",
    "Seed",
    "Shortcut",
    "SlackError",
    "SlackWorkspace",
    "SlashCommand",
    "default_seed",
]
