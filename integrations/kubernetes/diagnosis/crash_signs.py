"""What programs write before they die, as families of messages rather than anybody's exact wording."""

import re
from dataclasses import dataclass

from integrations.kubernetes.diagnosis.missing_settings import missing_beside, missing_setting
from integrations.kubernetes.diagnosis.peers import host_in
from integrations.kubernetes.log_fields import level_of
from integrations.kubernetes.logs import clean, is_error, join_entries, read_log

_MILD = frozenset({"warning", "info", "debug"})

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
BAD_CREDENTIALS = re.compile(
    r"[Aa]ccess denied for user|password authentication failed|[Aa]uthentication failed|invalid (?:username|password)|"
    r"NOAUTH|WRONGPASS|Login failed for user|ORA-01017|invalid credentials|SASL authentication|bad credentials|"
    r"\brole \"[^\"]+\" does not exist|InvalidAccessKeyId|SignatureDoesNotMatch|no pg_hba.conf entry|"
    r"[Aa]uthorization [Vv]iolation|ACCESS_REFUSED|[Ll]ogin was refused|InvalidClientTokenId|"
    r"[Bb]ad user ?name or password|invalid_client|"
    r"[Ss]asl_?[Aa]uthentication_?(?:[Ff]ailed|[Ee]xception)|"
    r"\b401\b.{0,12}[Uu]nauthorized|[Uu]nauthorized.{0,12}\b401\b",
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
_FILE_WORDS = re.compile(rf"{_NO_FILE}|(?i:can(?:no|')?t|unable to|failed to|could not|error) (?i:open|read|load|find)")
_PATH_WINDOW = 160
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
    skipped = min(max(0, min(first, tail) - 1), max(0, len(lines) - 201))
    cleaned = [clean(raw)[:_LINE_LIMIT] for raw in lines[skipped:]]
    for position, line in enumerate(cleaned):
        number = skipped + position + 1
        signs += _signs_of(number, line, exit_code)
        if name := missing_beside(cleaned, position):
            signs.append(Sign("crash.missing_env", number, line, name, 0.85))
    mild = {sign.number for sign in signs if level_of(cleaned[sign.number - 1 - skipped]) in _MILD}
    # Warnings come after errors. Lines near the end are what the program died of; among those of one family the first
    # names the cause.
    signs.sort(
        key=lambda sign: (sign.number in mild, _ORDER.index(sign.key), sign.number < len(lines) - 40, sign.number)
    )
    if signs:
        return signs
    return _exception(lines, exit_code)


def _signs_of(number: int, line: str, exit_code: int) -> list[Sign]:
    found: list[Sign] = []
    if ARCH.search(line):
        found.append(Sign("crash.arch", number, line, confidence=0.97))
    if PORT_IN_USE.search(line):
        found.append(Sign("crash.port_in_use", number, line))
    if name := missing_setting(line):
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


def _missing_path(line: str) -> str:
    """Return the file that a line misses, or nothing. The patterns see only what stands around the telling words."""
    if not (said := _FILE_WORDS.search(line)):
        return ""
    window = line[max(0, said.start() - _PATH_WINDOW) : said.end() + _PATH_WINDOW]
    for pattern in MISSING_FILE:
        if match := pattern.search(window):
            return match["path"]
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
