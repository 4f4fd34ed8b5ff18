"""The tools that Claude reads with, and the screening of what they return."""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

from bot.domain.evidence import Evidence
from bot.domain.redaction import redact_json
from bot.ports.analyst import Brief
from bot.ports.evidence import EvidenceTool

logger = structlog.get_logger(__name__)

_TOOL_SECONDS: Final = 15.0
_RESULT_LIMIT: Final = 24_000
_EVIDENCE_LIMIT: Final = 12_000

# Text that speaks to a model instead of about a system. Cheap and incomplete on purpose: it informs people, while what
# protects them is that nothing a model says takes effect without an approval.
_ORDERS: Final = re.compile(
    r"(?:ignore|disregard|forget|override)\s{1,3}(?:all|any|the|your|previous|prior|above|these|those|earlier)\b"
    r"|(?:new|updated|real)\s{1,3}(?:system\s{1,3})?(?:instructions?|prompt)\s{0,3}:"
    r"|you\s{1,3}(?:are\s{1,3}now|must\s{1,3}now|should\s{1,3}now)\b"
    r"|(?:as|dear)\s{1,3}(?:an\s{1,3})?(?:ai|llm|assistant|language\s{1,3}model)\b"
    r"|<\s{0,3}/?\s{0,3}(?:system|assistant|instructions?)\s{0,3}>"
    r"|(?:already|pre-?)\s?approved\b.{0,80}\b(?:delete|scale|restart|run|execute)"
    r"|system\s{1,3}prompt",
    re.IGNORECASE,
)


def find_orders(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    """Return the ids of evidence with text that reads like instructions to a model."""
    return tuple(item.id for item in evidence if _ORDERS.search(_encode(show_evidence(item))))


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def show_evidence(item: Evidence) -> dict[str, Any]:
    """Return one piece of evidence as JSON."""
    return {
        "evidence_id": item.id,
        "label": item.label,
        "source": item.source,
        "status": item.status.value,
        "detail": item.detail,
        "quotes": list(item.quotes),
        "payload": item.payload,
    }


def _tool(name: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"name": name, "description": description, "input_schema": schema}


class ReadingDesk:
    """Runs tool calls: several at once, each with its own time-out and size limit; none can raise."""

    def __init__(self, brief: Brief, tools: Sequence[EvidenceTool]) -> None:
        self._brief = brief
        self._evidence = {item.id: item for item in brief.evidence}
        self._tools = {re.sub(r"[^A-Za-z0-9_-]", "_", tool.name)[:64]: tool for tool in tools}

    def schemas(self) -> list[dict[str, Any]]:
        """Return the tools as the API wants them, always in one order: the prompt cache depends on it."""
        ids = {"type": "array", "items": {"type": "string"}, "description": "evidence ids, 6 at most"}
        own = [
            _tool("read_incident", "The alert, the rules' analysis, the list of evidence and the actions.", {}),
            _tool("read_evidence", "Raw observations by their ids.", {"evidence_ids": ids}),
        ]
        return own + [
            {"name": name, "description": tool.description, "input_schema": tool.input_schema}
            for name, tool in sorted(self._tools.items())
        ]

    def describe(self, name: str, arguments: Any) -> str:
        """Say in a person's words what a call looks at. Arguments are the model's: only known labels are shown."""
        if name == "read_incident":
            return "the alert and what was gathered"
        if name == "read_evidence" and isinstance(arguments, Mapping):
            ids = arguments.get("evidence_ids")
            labels = [self._evidence[i].label for i in ids if i in self._evidence] if isinstance(ids, list) else []
            return ", ".join(labels[:3]) or "the evidence"
        return name.replace("_", " ") if name in self._tools else "the evidence"

    async def run_all(self, calls: Sequence[Any]) -> list[dict[str, Any]]:
        """Return one tool_result block for each tool_use block, in their order."""
        return list(await asyncio.gather(*(self._run(call) for call in calls)))

    async def _run(self, call: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_TOOL_SECONDS):
                result = await self._call(call.name, call.input)
        except TimeoutError:
            result = {"error": f"{call.name} did not answer within {_TOOL_SECONDS:g} s."}
        except Exception:
            # A defect of one tool is an observation for the model and a traceback for us; the analysis goes on.
            logger.exception("evidence_tool_failed", tool=call.name)
            result = {"error": f"{call.name} failed."}
        text = _encode({"source": call.name, "result": redact_json(result)})
        if len(text) > _RESULT_LIMIT:
            text = _encode({"source": call.name, "truncated": True, "beginning_of_result": text[:_RESULT_LIMIT]})
        failed = isinstance(result, dict) and set(result) == {"error"}
        return {"type": "tool_result", "tool_use_id": call.id, "content": text, "is_error": failed}

    async def _call(self, name: str, arguments: Any) -> Any:
        if not isinstance(arguments, dict):
            return {"error": "The arguments have to be a JSON object."}
        if name == "read_incident":
            return self._read_incident()
        if name == "read_evidence":
            return self._read_evidence(arguments)
        if name in self._tools:
            return await self._tools[name].call(arguments)
        return {"error": f"There is no tool {name[:60]!r}."}

    def _read_incident(self) -> dict[str, Any]:
        brief = self._brief
        findings = brief.diagnosis.findings if brief.diagnosis else ()
        return {
            "incident": {
                "title": brief.incident.title,
                "service": brief.incident.service,
                "severity": brief.incident.severity.value,
                "target": str(brief.incident.target) if brief.incident.target else None,
                "labels": brief.incident.labels,
                "details": brief.incident.details,
                "opened_at": brief.incident.opened_at.isoformat(),
                "alerts": len(brief.alerts),
            },
            "evidence": [
                {"evidence_id": e.id, "label": e.label, "status": e.status.value, "detail": e.detail,
                 "quotes": list(e.quotes)[:5]}
                for e in brief.evidence
            ],
            "rules": {
                "headline": brief.rules.headline,
                "root_cause": brief.rules.root_cause,
                "confidence": brief.rules.confidence,
                "findings": [f.model_dump(mode="json", exclude={"evidence", "actions"}) for f in findings],
                "suggested": [
                    {"action": r.action, "target": str(r.target), "params_json": _encode(r.params), "reason": r.reason}
                    for r in brief.rules.proposals
                ],
            },
            "runbook": brief.runbook,
            "catalogue": [
                {"name": s.name, "summary": s.summary, "risk": s.risk, "params_schema": s.params_schema}
                for s in brief.actions
            ],
        }  # fmt: skip

    def _read_evidence(self, arguments: Mapping[str, Any]) -> Any:
        ids = arguments.get("evidence_ids")
        if not isinstance(ids, list) or not ids:
            return {"error": "evidence_ids has to be a list of ids."}
        shown = []
        for wanted in ids[:6]:
            item = self._evidence.get(wanted) if isinstance(wanted, str) else None
            if item is None:
                shown.append({"error": f"There is no evidence {str(wanted)[:20]!r}."})
                continue
            full = show_evidence(item)
            if len(_encode(full)) > _EVIDENCE_LIMIT:
                full["payload"] = _encode(item.payload)[:_EVIDENCE_LIMIT]
                full["truncated"] = True
            shown.append(full)
        return {"evidence": shown}
