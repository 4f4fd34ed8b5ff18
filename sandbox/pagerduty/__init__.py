"""PagerDuty, as far as an on-call bot meets it: REST API v2, Events API v2, V3 webhooks and the Slack app."""

from sandbox.pagerduty.faults import Fault
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.pagerduty.slack_app import SlackModes
from sandbox.pagerduty.webhooks import DeliveryPolicy

__all__ = ["DeliveryPolicy", "Fault", "PagerDutyServer", "SlackModes"]
