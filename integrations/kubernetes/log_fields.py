"""What one line says about itself: its level and its message, in JSON, klog, logfmt and plain text."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "info", "debug", ""]

_WORDS: Mapping[str, Level] = {
    **dict.fromkeys(("error", "err", "eror", "fatal", "critical", "crit", "panic", "dpanic", "severe", "emerg", "alert",
                     "emergency", "fail", "e", "f", "fata", "erro"), "error"),
    **dict.fromkeys(("warn", "warning", "wrn", "w"), "warning"),
    **dict.fromkeys(("info", "information", "informational", "notice", "log", "inf", "default", "i"), "info"),
    **dict.fromkeys(("debug", "dbg", "trace", "verbose", "fine", "finer", "finest", "debu", "d", "t"), "debug"),
}  # fmt: skip
_NAMES = r"(?:@?level|levelname|log\.?level|lvl|severity|severity_?text|@l|priority)"
_IN_JSON = re.compile(rf'"{_NAMES}"\s*:\s*(?:"(?P<word>\w+)|(?P<number>\d+))', re.IGNORECASE)
_IN_LOGFMT = re.compile(rf'(?:^|\s){_NAMES}="?(?P<word>[A-Za-z]+)"?(?=\s|$)', re.IGNORECASE)
_KLOG = re.compile(r"(?P<word>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ \S+:\d+\] ?")
_PLAIN = re.compile(
    r"(?:^|[\s\[|(<:-])(?P<word>TRACE|DEBUG|VERBOSE|INFO|NOTICE|LOG|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|CRIT|PANIC"
    r"|SEVERE|EMERG|ALERT)(?=[\]\s:|)>,]|$)"
    r"|[\[<(](?P<lower>trace|debug|info|notice|warn|warning|error|err|fatal|critical|crit|emerg|alert)[\])>]"
    r"|^(?P<start>trace|debug|info|notice|warn|warning|error|fatal|critical|fail)(?=: |\s*[|:]\s)",
)
_PLAIN_WITHIN = 160
_LOGFMT_PAIR = re.compile(r'(?:^|\s)(?P<key>[\w.@-]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]*))')
_MESSAGE_KEYS = ("msg", "message", "@m", "@mt", "event", "text", "body", "log")
_ERROR_KEYS = ("error", "err", "exception", "@x", "cause", "reason", "exc_info", "stack_trace", "stacktrace", "stack")
_STACK_KEYS = ("stack", "stack_trace", "stacktrace", "exception", "@x", "exc_info", "traceback", "error.stack_trace",
               "errorVerbose", "error", "err")  # fmt: skip
_LONGEST = 65_536


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line taken apart: its level ("" when it names none), its message, and a stack trace inside it."""

    level: Level
    message: str
    stack: str = ""


def level_of(line: str) -> Level:
    """Return the level that a cleaned line names, "" when it names none."""
    if line.startswith("{"):
        found = _IN_JSON.search(line)
        if found is None:
            return ""
        return _numbered(int(found["number"])) if found["number"] else _WORDS.get(found["word"].lower(), "")
    if found := _KLOG.match(line) or ("=" in line and _IN_LOGFMT.search(line)) or None:
        return _WORDS.get(found["word"].lower(), "")
    if found := _PLAIN.search(line, 0, _PLAIN_WITHIN):
        return _WORDS.get((found["word"] or found["lower"] or found["start"]).lower(), "")
    return ""


def level_hangs_on_digits(line: str) -> bool:
    """Say whether the level is a number: then two lines that differ in digits alone may differ in level."""
    return line.startswith("{") and (found := _IN_JSON.search(line)) is not None and found["number"] is not None


def _numbered(number: int) -> Level:
    """Levels as pino and bunyan count them (10 to 60), or syslog (0 to 7)."""
    if number < 8:
        return "error" if number <= 3 else "warning" if number == 4 else "info" if number <= 6 else "debug"
    return "error" if number >= 50 else "warning" if number >= 40 else "info" if number >= 30 else "debug"


def read_record(line: str) -> LogRecord:
    """Take a cleaned line apart. A line in no known form is its own message."""
    level = level_of(line)
    if line.startswith("{") and len(line) <= _LONGEST:
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            return LogRecord(level, line)
        return _of_fields(fields, level, line) if isinstance(fields, dict) else LogRecord(level, line)
    if found := _KLOG.match(line):
        return LogRecord(level, line[found.end() :])
    if "=" in line and len(line) <= _LONGEST and ("msg=" in line or _IN_LOGFMT.search(line)):
        pairs = {pair["key"]: pair["quoted"] or pair["bare"] or "" for pair in _LOGFMT_PAIR.finditer(line)}
        if len(pairs) >= 2:
            return _of_fields(pairs, level, line)
    return LogRecord(level, line)


def _of_fields(fields: Mapping[str, Any], level: Level, line: str) -> LogRecord:
    message = next((str(fields[key]) for key in _MESSAGE_KEYS if isinstance(fields.get(key), str) and fields[key]), "")
    error = next((text for key in _ERROR_KEYS if (text := _error_text(fields.get(key)))), "")
    stack = next((text for key in _STACK_KEYS if "\n" in (text := _stack_text(fields.get(key)))), "")
    parts = [message, error.splitlines()[0] if error and error not in message else ""]
    return LogRecord(level, ": ".join(part for part in parts if part) or line, stack)


def _error_text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("message") or value.get("msg") or value.get("type") or "")
    return value.strip() if isinstance(value, str) else ""


def _stack_text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("stack") or value.get("stack_trace") or value.get("stacktrace")
    if isinstance(value, list):
        value = "\n".join(str(item) for item in value)
    return value if isinstance(value, str) else ""
