"""What monitoring says when something breaks: one builder per scenario, and the three shapes it travels in."""

from sandbox.scenarios.alerts.draft import AlertDraft, Build
from sandbox.scenarios.alerts.shapes import build_card, build_event, build_webhook, sign_body

__all__ = ["AlertDraft", "Build", "build_card", "build_event", "build_webhook", "sign_body"]
