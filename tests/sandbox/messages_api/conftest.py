"""A Messages API and the real client for it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic import AsyncAnthropic

from sandbox.messages_api import MessagesServer
from sandbox.traffic import TrafficLog

MODEL = "claude-opus-5-5"

REPORT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "headline": {"type": "string"},
        "severity": {"type": "string", "enum": ["critical", "error", "warning", "info"]},
        "root_cause": {"type": "string"},
        "confidence": {"type": "number"},
        "evidence": {"type": "array", "items": {"$ref": "#/$defs/Cited"}},
        "immediate_actions": {"type": "array", "items": {"type": "string"}},
        "long_term_fixes": {"type": "array", "items": {"type": "string"}},
        "monitoring": {"type": "array", "items": {"type": "string"}},
    },
    "required": [
        "headline",
        "severity",
        "root_cause",
        "confidence",
        "evidence",
        "immediate_actions",
        "long_term_fixes",
        "monitoring",
    ],
    "additionalProperties": False,
    "$defs": {
        "Cited": {
            "type": "object",
            "properties": {"evidence_id": {"type": "string"}, "quote": {"type": "string"}},
            "required": ["evidence_id", "quote"],
            "additionalProperties": False,
        }
    },
}


def tool(name: str, /, *, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"name": name, "description": name.replace("_", " "), "input_schema": schema}


REPORT_TOOL = {"name": "submit_report", "description": "Hand in", "input_schema": REPORT_SCHEMA, "strict": True}


@pytest.fixture
def traffic() -> TrafficLog:
    return TrafficLog()


@pytest.fixture
async def api(traffic: TrafficLog) -> AsyncIterator[MessagesServer]:
    server = MessagesServer(traffic=traffic)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def claude(api: MessagesServer) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=api.url, api_key=api.api_key, max_retries=2) as client:
        yield client


@pytest.fixture
async def impatient(api: MessagesServer) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=api.url, api_key=api.api_key, max_retries=0, timeout=0.3) as client:
        yield client
