"""What programs write before they die, as families of messages rather than anybody's exact wording."""

import re
from dataclasses import dataclass

from integrations.kubernetes.logs import clean, is_error, join_entries, read_log

_NAME = r"(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}[A-Z0-9]*)"
_QUOTE = "[\"'`]?"
_ABSENT = r"(?:not (?:set|defined|found|specified|provided|configured|present)|undefined|unset|missing|required|empty)"

MISSING_ENV = tuple(
    re.compile(pattern)
    for pattern in (
        (
            rf"(?i:must|need to|have to|please|should) (?i:specify|set|provide|define|supply)(?i: the)?"
            rf"(?i: required)?(?i: environment)?(?i: variable)?s?:? {_QUOTE}\$?{_NAME}\b"
        ),
        rf"(?i:env(?:ironment)?(?: ?var(?:iable)?)?s?)[ :\[({_QUOTE[1:-2]}]+\$?{_NAME}\b.{{0,60}}?\b(?i:{_ABSENT})\b",
        (
            rf"(?i:missing|undefined|unset|required)(?i: required| mandatory)?"
            rf"(?i: env(?:ironment)?(?: ?var(?:iable)?)?s?)"
            rf"(?i: is| are)?[ :=\[({_QUOTE[1:-2]}]+\$?{_NAME}\b"
        ),
        (
            rf"\b{_NAME}\b{_QUOTE}(?i: environment| env)?(?i: variable| var)?(?i: is| was| must be| has)?(?i: being)? "
            rf"(?i:{_ABSENT})\b"
        ),
        rf"(?i:set|define|export|provide) (?i:the )?{_QUOTE}\$?{_NAME}{_QUOTE} (?i:env)",
        (
            rf"\b{_NAME}\b{_QUOTE}(?i: environment| env)?(?i: variable| var)?"
            r" must be (?i:set|defined|specified|provided|given)"
        ),
        rf"[Rr]esolve placeholder ['\"]{_NAME}['\"]",
        rf"KeyError: ['\"]{_NAME}['\"]",
        rf"key not found: \"{_NAME}\"",
        rf"required key {_NAME} missing",
        rf"\b{_NAME}: (?:unbound variable|parameter (?:null or )?not set)",
        rf"(?i:environment variable|env var) .{{0,40}}?{_QUOTE}{_NAME}{_QUOTE}.{{0,40}}?(?i:{_ABSENT})",
    )
)
_PATH = (
    r"(?P<path>(?:/[\w.@+-]+)+|"
    r"\.{0,2}/?[\w@+-]+(?:/[\w.@+-]+)*\.(?:ya?ml|json|toml|ini|conf|cfg|properties|env|xml|pem|crt|key))"
)
_NO_FILE = r"(?:[Nn]o such file(?: or directory)?|ENOENT|not found|does not exist|NoSuchFile|FileNotFound)"
MISSING_FILE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_PATH}['\"`]?[:)]? ?(?:\([^)]*\))?[:,]? ?(?:.{{0,40}}?){_NO_FILE}",
        rf"{_NO_FILE}.{{0,40}}?[:'\"` (]{_PATH}",
        (
            rf"(?i:can(?:no|')?t|unable to|failed to|could not|error) (?i:open|read|load|find|reading|opening|loading)"
            rf"(?i: the)?(?i: config\w*)?(?i: file)?[ :'\"`]+{_PATH}"
        ),
    )
)
REFUSED = re.compile(
    r"ECONNREFUSED|[Cc]onnection refused|connect: refused|ENOTFOUND|getaddrinfo|[Nn]o such host|"
    r"Name or service not known|Temporary failure in name resolution|could not translate host name|"
    r"UnknownHostException|EHOSTUNREACH|[Nn]o route to host|ETIMEDOUT|[Cc]onnection timed out|"
    r"i/o timeout|ConnectTimeout|host not found in upstream|NoBrokersAvailable|Communications link failure|"
    r"Broker may not be available|UNAVAILABLE: .*connect|server selection timed out",
)
ADDRESS = re.compile(
    r"(?:tcp |to |at |host |connect |lookup |ENOTFOUND |ECONNREFUSED |for |server (?:at )?|//|@|\(|\"|')"
    r"(?P<host>[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*|\d{1,3}(?:\.\d{1,3}){3})\"?'?(?:[:,] ?(?:port )?(?P<port>\d{2,5}))?"
)
BAD_CREDENTIALS = re.compile(
    r"[Aa]ccess denied for user|password authentication failed|[Aa]uthentication failed|invalid (?:username|password)|"
    r"NOAUTH|WRONGPASS|Login failed for user|ORA-01017|invalid credentials|SASL authentication|bad credentials|"
    r"\brole \"[^\"]+\" does not exist|InvalidAccessKeyId|SignatureDoesNotMatch|no pg_hba.conf entry",
)
PERMISSION = re.compile(
    r"[Pp]ermission denied|EACCES|EPERM|[Oo]peration not permitted|[Rr]ead-only file system|EROFS|AccessDeniedException"
)
PORT_IN_USE = re.compile(
    r"EADDRINUSE|[Aa]ddress already in use|[Pp]ort (?:\d+ )?(?:is )?already (?:in use|allocated|bound)|"
    r"Only one usage of each socket address"
)
ARCH = re.compile(r"exec format error|cannot execute binary file|[Bb]ad CPU type")
NO_COMMAND = re.compile(
    r"executable file not found|(?:exec|stat)[: ].*no such file or directory|command not found|"
    r"(?:^|: )[\w./-]+: not found$|exec: .*permission denied|can't open file .*\[Errno 2\]|Cannot find module"
)
_OTHERS = (
    ("pvc.full", re.compile(r"[Nn]o space left on device|ENOSPC|[Dd]isk quota exceeded")),
    ("rbac.forbidden", re.compile(r"[Uu]ser \W*system:serviceaccount:\S+ cannot \w+ resource")),
    (
        "cert.expired",
        re.compile(r"certificate (?:has expired|is not yet valid)|CERT_HAS_EXPIRED|CertificateExpired"),
    ),
    (
        "db.read_only",
        re.compile(
            r"read-only transaction|READONLY You can't write|--(?:super-)?read-only option|NotWritablePrimary|"
            r"readonly database|(?:database|server|instance|replica) is (?:in )?read.?only"
        ),
    ),
    (
        "db.connections_exhausted",
        re.compile(r"[Tt]oo many (?:clients|connections)|remaining connection slots are reserved|ORA-12519"),
    ),
)
_ENV_WORDS = re.compile(
    r"must|need|have to|please|should|env|placeholder|missing|undefined|unset|required|not |KeyError|key |unbound",
    re.IGNORECASE,
)
_FILE_WORDS = re.compile(rf"{_NO_FILE}|(?i:can(?:no|')?t|unable to|failed to|could not|error) (?i:open|read|load|find)")
_LISTED = re.compile(rf"^\s*[-*] {_NAME}\s*$")
_FIELD = re.compile(r"^\s*(?P<name>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)\s*$")
_FIELD_MISSING = re.compile(
    r"^\s+(?:[Ff]ield required|[Mm]issing data for required field|none is not an allowed value)"
)
_NAME_WINDOW, _PATH_WINDOW = 400, 160
_LINE_LIMIT = 800  # what matters stands at a line's beginning, and long lines are dear to search
_SIGNAL = re.compile(r"SIGSEGV|Segmentation fault|core dumped|SIGABRT|[Aa]ssertion .*failed")


_ORDER = (
    "crash.arch",
    "crash.port_in_use",
    "crash.missing_env",
    "pvc.full",
    "rbac.forbidden",
    "cert.expired",
    "db.connections_exhausted",
    "db.read_only",
    "crash.bad_credentials",
    "crash.missing_config_file",
    "crash.bad_command",
    "crash.permission",
    "crash.dependency_refused",
)
"""The surest first: a program that lacks its password also fails to connect."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What a line says: the family's key, the line (from 1) as cleaned, and what it names."""

    key: str
    number: int
    text: str
    name: str = ""
    confidence: float = 0.9


def read_signs(lines: tuple[str, ...], exit_code: int) -> list[Sign]:
    """Return what the end of a log says, the surest first. Only failures count, never chatter."""
    signs: list[Sign] = []
    reading = read_log(lines)
    tail = max(1, len(lines) - 60)
    first = reading.first_error[0] if reading.first_error else tail
    for number, raw in enumerate(lines, start=1):
        if number < min(first, tail) and number < len(lines) - 200:
            continue
        line = clean(raw)[:_LINE_LIMIT]
        signs += _signs_of(number, line, exit_code)
        if name := _name_beside(line, lines[max(0, number - 4) : number - 1]):
            signs.append(Sign("crash.missing_env", number, line, name, 0.85))
    # Lines near the end are what the program died of; among those of one family the first names the cause.
    signs.sort(key=lambda sign: (_ORDER.index(sign.key), sign.number < len(lines) - 40, sign.number))
    if signs:
        return signs
    return _exception(lines, exit_code)


def _signs_of(number: int, line: str, exit_code: int) -> list[Sign]:
    found: list[Sign] = []
    if ARCH.search(line):
        found.append(Sign("crash.arch", number, line, confidence=0.97))
    if PORT_IN_USE.search(line):
        found.append(Sign("crash.port_in_use", number, line))
    if name := _missing_name(line):
        found.append(Sign("crash.missing_env", number, line, name))
    if BAD_CREDENTIALS.search(line):
        found.append(Sign("crash.bad_credentials", number, line))
    found += [Sign(key, number, line) for key, pattern in _OTHERS if pattern.search(line)]
    if PERMISSION.search(line):
        found.append(Sign("crash.permission", number, line))
    if REFUSED.search(line):
        found.append(Sign("crash.dependency_refused", number, line, host_in(line)))
    elif exit_code in {126, 127} or NO_COMMAND.search(line):
        found.append(Sign("crash.bad_command", number, line, confidence=0.9 if exit_code in {126, 127} else 0.7))
    if exit_code not in {126, 127} and not REFUSED.search(line) and (path := _missing_path(line)):
        found.append(Sign("crash.missing_config_file", number, line, path))
    return found


def _missing_name(line: str) -> str:
    """Return the environment variable that a line misses, or nothing."""
    if not _ENV_WORDS.search(line):
        return ""
    for pattern in MISSING_ENV:
        if match := pattern.search(line[:_NAME_WINDOW]):
            return match["name"]
    return ""


def _name_beside(line: str, before: tuple[str, ...]) -> str:
    """Return the variable that a message of several lines misses: a validator's field, or one of a list."""
    if before and _FIELD_MISSING.search(line) and (match := _FIELD.match(before[-1])):
        return match["name"].upper()
    listed = _LISTED.match(line)
    if listed and any("environment variable" in text for text in before):
        return listed["name"]
    return ""


def _missing_path(line: str) -> str:
    """Return the file that a line misses, or nothing. The patterns see only what stands around the telling words."""
    if not (said := _FILE_WORDS.search(line)):
        return ""
    window = line[max(0, said.start() - _PATH_WINDOW) : said.end() + _PATH_WINDOW]
    for pattern in MISSING_FILE:
        if match := pattern.search(window):
            return match["path"]
    return ""


def host_in(line: str) -> str:
    """Return the host (with port) that a line names, or nothing."""
    for match in ADDRESS.finditer(line):
        host, port = match["host"], match["port"]
        if port or "." in host or "-" in host:
            return f"{host}:{port}" if port else host
    return ""


def _exception(lines: tuple[str, ...], exit_code: int) -> list[Sign]:
    """Return the last stack trace, panic or signal; without any, the last error of the end of the log."""
    if exit_code == 0:
        return []
    trace: Sign | None = None
    error: Sign | None = None
    for entry in join_entries(lines):
        if entry.is_trace or _SIGNAL.search(entry.text):
            number, text = entry.number, entry.text
            reading = read_log(line for _, line in ((entry.number, entry.text), *entry.more))
            if reading.deepest_cause:
                offset, text = reading.deepest_cause
                number = entry.number + offset - 1
            trace = Sign("crash.app_exception", number, text, confidence=0.85)
        elif is_error(entry.text) and entry.number > len(lines) - 20:
            error = Sign("crash.app_exception", entry.number, entry.text, confidence=0.6)
    found = trace or error
    return [found] if found else []
