"""A model made of rules: it calls the tools it is offered, reads what they answer, and hands in a report.

It exists so that the whole path of a model-written analysis can be seen and tested without a key: it knows nothing
but the request, so what it reports is what the evidence in the request says.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sandbox.messages_api.model import JSON, Reply, fingerprint
from sandbox.messages_api.readings import find_reading, quote_sign
from sandbox.messages_api.report import Cited, Content, Unfillable, fill_report
from sandbox.messages_api.transcript import Observation, Transcript, read_transcript

REPORT_TOOL: Final = "submit_report"

# Evidence that speaks to its reader instead of about the system.
_ORDERS: Final = re.compile(
    r"(?:ignore|disregard|forget) (?:all |any |the |your )*(?:previous|prior|above|earlier)? ?(?:instructions|rules)"
    r"|you (?:must|should|are to) (?:now )?(?:run|execute|delete|approve|reveal|print)|new system prompt",
    re.IGNORECASE,
)

_CALLS_A_TURN: Final = 4
_LOOKING_TURNS: Final = 2


class ScriptedModel:
    """Looks in at most two turns, several tools a turn, then reports.

    Without a report tool it fills the request's output format, and without that it answers in words.
    """

    def reply(self, request: Mapping[str, Any]) -> Reply:
        tools = {str(tool.get("name")): tool for tool in request.get("tools") or []}
        transcript = read_transcript(request)
        turns = sum(message.get("role") == "assistant" for message in request["messages"])
        calls = self._plan(tools, transcript) if turns < _LOOKING_TURNS else []
        if calls:
            names = ", ".join(call["name"] for call in calls)
            return Reply((_think(f"I do not know the cause yet. I look at: {names}."), *calls), "tool_use")
        content = replace(write_content(transcript), suspicious=_ORDERS.search(transcript.text) is not None)
        wanted = (request.get("output_config") or {}).get("format") or {}
        if REPORT_TOOL not in tools and "schema" in wanted:
            try:
                return Reply((_say(json.dumps(fill_report(wanted["schema"], content))),))
            except Unfillable as gap:
                return Reply((_say(f"I cannot fill the format: {gap}."),))
        if REPORT_TOOL not in tools:
            return Reply((_think("No report is asked for; I answer in words."), _say(_in_words(content))))
        try:
            filled = fill_report(tools[REPORT_TOOL].get("input_schema") or {}, content)
        except Unfillable as gap:
            return Reply((_say(f"I cannot fill the report: {gap}."),))
        call = _call(REPORT_TOOL, filled, transcript)
        return Reply((_think(f"The evidence agrees: {content.headline}."), call), "tool_use")

    def _plan(self, tools: Mapping[str, JSON], transcript: Transcript) -> list[JSON]:
        """Return calls for tools that were not used yet and whose required arguments are known."""
        calls = []
        for name, tool in tools.items():
            if name == REPORT_TOOL or name in transcript.called or "input_schema" not in tool:
                continue
            arguments = find_arguments(tool["input_schema"], transcript)
            if arguments is not None:
                calls.append(_call(name, arguments, transcript))
        return calls[:_CALLS_A_TURN]


def find_arguments(schema: Mapping[str, Any], transcript: Transcript) -> JSON | None:
    """Return the required arguments of a tool, taken from what was read; None when one is unknown."""
    arguments: JSON = {}
    properties = schema.get("properties") or {}
    for name in schema.get("required") or []:
        value = _find_argument(name, properties.get(name) or {}, transcript)
        if value is None:
            return None
        arguments[name] = value
    return arguments


_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "workload", "deployment", "pod", "service"),
    "workload": ("workload", "deployment", "name"),
    "deployment": ("deployment", "workload", "name"),
    "object": ("name", "workload"),
    "evidence_id": (),
    "id": (),
}


def _find_argument(name: str, schema: Mapping[str, Any], transcript: Transcript) -> Any:
    if "evidence" in name or (name == "id" and transcript.observations):
        found = [observation.evidence_id for observation in transcript.observations.values() if observation.is_ok]
        return (found if schema.get("type") == "array" else found[0]) if found else None
    options = schema.get("enum")
    for key in _SYNONYMS.get(name, (name,)):
        for value in transcript.facts.get(key, []):
            if not options or value in options:
                return [value] if schema.get("type") == "array" else value
    if options:
        return options[0]
    return {"boolean": False, "integer": schema.get("minimum", 20)}.get(str(schema.get("type")))


def write_content(transcript: Transcript) -> Content:
    """Judge the evidence: the root finding of the rules where the request holds one, else the signs in the text."""
    observations = list(transcript.observations.values())
    found = find_reading(observations)
    finding = next((item for item in transcript.findings if item.get("root", True)), None)
    if found is None and finding is None:
        return _shrug(observations)
    shown = found[1] if found else [item for item in observations if item.is_ok]
    cited = [_cite(item, quote_sign(found[0], item) if found else item.quote) for item in shown[:4]]
    quote = cited[0].quote if cited else ""
    headline = str(finding["summary"]) if finding else (found[0].headline if found else "")
    cause = found[0].cause.format(quote=quote) if found else headline
    if finding and found:
        cause = f"{finding['summary'].rstrip('.')}. {cause}"
    return Content(
        headline=headline.rstrip(".")[:140],
        summary=cause,
        root_cause=cause,
        severity=str((finding or {}).get("severity") or (found[0].severity if found else "error")),
        confidence=float((finding or {}).get("confidence") or (found[0].confidence if found else 0.6)),
        healthy=False,
        evidence=cited,
        immediate_actions=(found[0].immediate,) if found else ("Look at the cited evidence and decide",),
        long_term=(found[0].long_term,) if found else (),
        monitoring=(found[0].monitoring,) if found else (),
        proposals=transcript.suggestions[:3],
    )


def _shrug(observations: list[Observation]) -> Content:
    """Say honestly that nothing in the evidence names a cause."""
    cited = [_cite(item, item.quote) for item in observations if item.is_ok][:3]
    return Content(
        headline="The evidence does not name a cause",
        summary="Nothing that was looked at explains the alert.",
        root_cause="Unknown: nothing that was looked at explains the alert.",
        severity="warning",
        confidence=0.2,
        healthy=False,
        evidence=cited,
        immediate_actions=("Ask the service's owner what changed",),
        long_term=(),
        monitoring=("The signal that fired the alert",),
        proposals=(),
    )


def _cite(observation: Observation, quote: str) -> Cited:
    return Cited(observation.evidence_id, observation.source, quote, f"{observation.source}: {quote}"[:300])


def _in_words(content: Content) -> str:
    cited = ", ".join(item.evidence_id for item in content.evidence)
    return f"{content.headline}. {content.root_cause}" + (f" (evidence: {cited})" if cited else "")


def _think(text: str) -> JSON:
    return {"type": "thinking", "thinking": text}


def _say(text: str) -> JSON:
    return {"type": "text", "text": text}


def _call(name: str, arguments: JSON, transcript: Transcript) -> JSON:
    # The id follows from the conversation, so that a replayed request gets the same answer.
    digest = fingerprint([name, arguments, transcript.called, transcript.text])[:24]
    return {"type": "tool_use", "id": f"toolu_{digest}", "name": name, "input": arguments}
