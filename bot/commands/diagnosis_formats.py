"""The forms in which `oncall-agent diagnose` prints what was found: text, JSON, Markdown and SARIF 2.1.0.

All are pure functions of the diagnosis: the same diagnosis gives the same bytes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot.domain.alert import Severity
from bot.domain.finding import Citation, Diagnosis, Finding

_FINDING_KEYS = ("key", "entity", "root", "severity", "confidence", "summary", "evidence", "explains", "actions")
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the documented form, see docs/diagnosis.md, and nothing besides: others build on it."""
    document = diagnosis.model_dump(mode="json")
    return {
        "taken_at": document["taken_at"],
        "healthy": document["healthy"],
        "findings": [_finding_json(found) for found in document["findings"]],
        "abstentions": document["abstentions"],
        "sources": document["sources"],
    }


def _finding_json(found: dict[str, Any]) -> dict[str, Any]:
    form = {name: found[name] for name in _FINDING_KEYS}
    form["actions"] = [{name: item[name] for name in ("action", "params", "risk")} for item in found["actions"]]
    return form


def render_json(diagnosis: Diagnosis) -> str:
    """Return the documented form as text."""
    return json.dumps(diagnosis_json(diagnosis), indent=2, ensure_ascii=False)


def render_text(diagnosis: Diagnosis) -> str:
    """Return what a person reads in a terminal."""
    lines: list[str] = []
    for found in diagnosis.findings:
        mark = f"{found.severity.value.upper():8}" if found.root else "  symptom"
        lines.append(f"{mark} {found.key}  {found.entity}  ({found.confidence:.0%} sure)")
        lines.append(f"         {_flat(found.summary, 1000)}")
        lines += [f"         evidence: {c.entity} {c.pointer} = {_flat(c.value)}" for c in found.evidence[:4]]
        for offered in found.actions:
            lines.append(f"         action:   {offered.action} {offered.target} {json.dumps(offered.params)}")
            lines.append(f"                   {offered.reason}")
        if found.person_decides:
            lines.append(f"         a person decides: {found.person_decides}")
        if found.explains:
            lines.append(f"         explains: {', '.join(found.explains)}")
    lines += [f"NOT SURE {item.entity}  {item.reason}" for item in diagnosis.abstentions]
    lines += [f"NOT READ {item.name}: {item.detail}" for item in diagnosis.sources if item.status == "error"]
    if diagnosis.healthy:
        lines.append("Nothing is wrong.")
    elif not lines:
        lines.append("Nothing could be judged.")
    return "\n".join(lines)


def render_markdown(diagnosis: Diagnosis) -> str:
    """Return a report to paste into a ticket or a pull request. Everything from the cluster is quoted or escaped."""
    roots = [found for found in diagnosis.findings if found.root]
    lines = [f"# {_headline(diagnosis, roots)}", "", f"State of {diagnosis.taken_at.isoformat()}."]
    for found in roots:
        lines += _markdown_of(found)
    if symptoms := [found for found in diagnosis.findings if not found.root]:
        lines += ["", "## Symptoms", ""]
        lines += [f"- `{found.key}` {_code(found.entity)}: {_escape(found.summary)}" for found in symptoms]
    if diagnosis.abstentions:
        lines += ["", "## Not sure", ""]
        lines += [f"- {_code(item.entity)}: {_escape(item.reason)}" for item in diagnosis.abstentions]
    if unread := [item for item in diagnosis.sources if item.status == "error"]:
        lines += ["", "## Not read", ""]
        lines += [f"- {_code(item.name)}: {_escape(item.detail)}" for item in unread]
    return "\n".join(lines)


def _headline(diagnosis: Diagnosis, roots: list[Finding]) -> str:
    if diagnosis.healthy:
        return "Nothing is wrong"
    if not roots:
        return "No cause was found"
    return "1 cause" if len(roots) == 1 else f"{len(roots)} causes"


def _markdown_of(found: Finding) -> list[str]:
    lines = ["", f"## {found.severity.value.capitalize()}: `{found.key}` in {_code(found.entity)}", ""]
    lines += [f"{_escape(found.summary)} ({found.confidence:.0%} sure)"]
    if found.evidence:
        lines += ["", "| evidence | where | value |", "|---|---|---|"]
        lines += [f"| {_cell(c.entity)} | {_cell(c.pointer)} | {_cell(c.value)} |" for c in found.evidence]
    if found.actions:
        lines += ["", "What would fix it:", ""]
    for offered in found.actions:
        params = json.dumps(offered.params, ensure_ascii=False, sort_keys=True)
        lines.append(f"- `{offered.action}` {_code(offered.target)} {_code(params)}: {_escape(offered.reason)}")
    if found.person_decides:
        lines += ["", f"A person has to decide: {_escape(found.person_decides)}"]
    if found.explains:
        lines += ["", f"Explains {', '.join(_code(entity) for entity in found.explains)}."]
    return lines


def _escape(text: str) -> str:
    flat = _flat(text, 1000)
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|" else char for char in flat)


def _code(value: object) -> str:
    """Return a code span whose fence is longer than any run of backticks inside."""
    flat = _flat(value, 500)
    if "`" not in flat:
        return f"`{flat}`"
    fence = "`" * (max(len(run) for run in "".join(c if c == "`" else " " for c in flat).split()) + 1)
    return f"{fence} {flat} {fence}"


def _cell(value: object) -> str:
    return _code(value).replace("|", "\\|")


def _flat(value: object, limit: int = 120) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    # What a log or an event says must not move a terminal's cursor or change its colours.
    text = " ".join("".join(char if char.isprintable() else " " for char in _COLOUR.sub("", text)).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def render_sarif(diagnosis: Diagnosis, meanings: Mapping[str, str], version: str) -> str:
    """Return a SARIF 2.1.0 log: a rule for each key, a result for each finding, a notification for what was not read.

    `meanings` says what each key means, `version` is the tool's. Objects are logical locations; the artifact location
    repeats them as a relative path for viewers that only know files.
    """
    keys = sorted({found.key for found in diagnosis.findings})
    tool = {
        "driver": {
            "name": "oncall-agent",
            "semanticVersion": version,
            "rules": [{"id": key, "shortDescription": {"text": meanings.get(key) or key}} for key in keys],
        }
    }
    results = [_sarif_result(found, keys.index(found.key)) for found in diagnosis.findings]
    results += [
        {
            "kind": "review",
            "level": "none",
            "message": {"text": item.reason},
            "locations": [_sarif_location(item.entity)],
        }
        for item in diagnosis.abstentions
    ]
    unread = [item for item in diagnosis.sources if item.status == "error"]
    invocation = {
        "executionSuccessful": diagnosis.healthy or bool(diagnosis.findings or diagnosis.abstentions),
        "endTimeUtc": diagnosis.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "toolExecutionNotifications": [
            {"level": "error", "message": {"text": f"{item.name}: {item.detail}"}} for item in unread
        ],
    }
    run = {"tool": tool, "invocations": [invocation], "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _sarif_result(found: Finding, index: int) -> dict[str, Any]:
    identity = hashlib.sha256(f"{found.key}\n{found.entity}".encode()).hexdigest()
    return {
        "ruleId": found.key,
        "ruleIndex": index,
        "kind": "fail",
        "level": _LEVELS[found.severity],
        "message": {"text": found.summary},
        "locations": [_sarif_location(found.entity)],
        "relatedLocations": [_sarif_evidence(citation, n) for n, citation in enumerate(found.evidence, start=1)],
        "partialFingerprints": {"keyAndEntity/v1": identity},
        "rank": round(found.confidence * 100, 1),
        "properties": {
            "root": found.root,
            "severity": found.severity.value,
            "explains": list(found.explains),
            "actions": [item.model_dump(mode="json") for item in found.actions],
            "personDecides": found.person_decides,
        },
    }


def _sarif_location(entity: str) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(entity, safe="/")}, "region": {"startLine": 1}},
        "logicalLocations": [{"name": entity.rpartition("/")[2], "fullyQualifiedName": entity, "kind": "resource"}],
    }


def _sarif_evidence(citation: Citation, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "message": {"text": f"{citation.kind} {citation.pointer} = {_flat(citation.value, 1000)}"},
        "logicalLocations": [{"fullyQualifiedName": citation.entity, "kind": "resource"}],
    }
