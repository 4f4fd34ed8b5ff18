"""Takes secrets out of text and JSON before anything is stored, posted or sent to a model.

The work is linear in the length of the text: literal searches (which run at memory speed) find the few places where a
secret could stand, and only there is anything matched. What reads as a secret is replaced by `[redacted]`; its name,
its scheme and everything else stay, because the name of a broken setting is often the diagnosis.

Two rules keep ordinary lines whole. A value is only ever judged next to a name that says "secret", or by a prefix that
a vendor reserved for its tokens. And a name such as `tokenExpirationSeconds` or `secretName` speaks about a secret
without carrying one.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

MARKER = "[redacted]"

# Spoken of in any spelling (apiKey, API_KEY, api-key): compared after dropping case and separators.
_STRONG = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "accesskey", "accountkey", "authkey",
    "privatekey", "secretkey", "signingkey", "encryptionkey", "masterkey", "sharedkey", "routingkey", "servicekey",
    "integrationkey", "licensekey", "credential", "authorization", "cookie", "dockerconfigjson", "dockercfg",
    "connectionstring", "sharedaccesskey", "sessionid",
)  # fmt: skip
# What is searched for in a text; a name is judged whole once one of these stands in it.
_STEMS = (
    "passw", "passphrase", "pwd", "secret", "token", "key", "credential", "cookie", "sessionid", "session_id",
    "dockerc", "connection", "auth", "sig", "salt", "bearer", "basic",
)  # fmt: skip
# A name that ends like this is about a secret, it does not hold one.
_ABOUT = frozenset({
    "name", "names", "ref", "refs", "keyref", "type", "kind", "id", "ids", "path", "file", "dir", "directory",
    "url", "uri", "endpoint", "count", "counts", "length", "size", "policy", "ttl", "expiry", "expires",
    "expired", "expiration", "expirationseconds", "seconds", "minutes", "days", "limit", "budget", "usage",
    "used", "age", "version", "status", "state", "provider", "class", "store", "manager", "rotation", "required",
    "enabled", "mount", "mounts", "volume", "audience", "issuer", "valid", "invalid", "header", "prefix",
    "format", "algorithm", "attempts", "failures", "errors", "rate", "index", "position",
})  # fmt: skip
# Names under which only something that looks random counts as a secret.
_WEAK = frozenset(
    ["key", "keys", "auth", "sig", "signature", "salt", "session", "seed", "pass", "hash-key", "apitoken"]
)
_PLAIN_VALUES = frozenset({
    "true", "false", "null", "none", "nil", "undefined", "unset", "empty", "missing", "required", "optional",
    "invalid", "expired", "valid", "ok", "yes", "no", "not", "is", "was", "are", "has", "and", "or", "of", "in",
    "the", "a", "an", "for", "from", "to", "must", "cannot", "failed", "error", "unauthorized", "bearer",
    "basic",
})  # fmt: skip
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_NAME_CHARS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
_NAME_LIMIT = 80
# What joins a name and its value: `=`, `:`, `=>`, quotes around the name, or an `env` entry's own "value" key.
_JOINT = re.compile(
    r"""(?:\\{0,3}["'`])?[ \t]{0,8}(?:=>|:=|[=:])[ \t]{0,40}"""
    r"""|\\{0,3}["']?[ \t]{0,8},?\s{0,40}\\{0,3}["']?value\\{0,3}["']?[ \t]{0,8}[:=][ \t]{0,8}"""
)
_SPACED_VALUE = re.compile(r"""[ \t]{1,8}(?=\\{0,3}["'])""")  # ALTER USER app WITH PASSWORD 'x'
_FLAG_VALUE = re.compile(r"[ \t]{1,8}(?![-\s])")  # --password x
_OPENING = re.compile(r"""\\{0,3}["'`]""")
_SCHEME = re.compile(r"(?:bearer|basic|digest|token|apikey|negotiate)[ \t]{1,8}(?:token=)?", re.IGNORECASE)
_BARE = re.compile(
    r"""(?:[^\s,;&"'<>(){}\[\]|\\]"""
    r"""|[,;&](?![\s"']|$|[\w.\-]{1,40}\s?[=:])"""
    r"""|[()<>{}\[\]|](?=[A-Za-z0-9])"""
    r"""|\\(?![nrt"'`]))++"""
)
_LINE = re.compile(r"[^\r\n\"']+")
_CREDENTIAL = re.compile(r"[ \t]{1,8}([A-Za-z0-9._~+/\-]{8,}={0,2})")
_RANDOM = re.compile(r"[A-Za-z0-9+/_\-]{20,}={0,2}")
_QUOTED_LIMIT = 8192

# Prefixes that vendors reserved for their tokens. A line's character and its mark are in all of its tokens: plain
# searches for them decide whether the pattern is tried. That for one character is the cheapest there is, and a text
# without it needs no other.
_TOKENS: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("A", "AKIA", re.compile(r"(?<![A-Za-z0-9])AKIA[A-Z0-9]{16}(?![A-Za-z0-9])")),
    ("A", "ASIA", re.compile(r"(?<![A-Za-z0-9])ASIA[A-Z0-9]{16}(?![A-Za-z0-9])")),
    ("_", "gh", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{16,}+")),
    ("_", "github_pat_", re.compile(r"(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{16,}+")),
    ("x", "xox", re.compile(r"(?<![A-Za-z0-9])xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}+")),
    ("-", "xapp-", re.compile(r"(?<![A-Za-z0-9])xapp-[A-Za-z0-9-]{8,}+")),
    ("-", "sk-", re.compile(r"(?<![A-Za-z0-9])sk-(?:ant|proj)-[A-Za-z0-9_-]{8,}+")),
    ("-", "sk-", re.compile(r"(?<![A-Za-z0-9_-])sk-(?=[a-z0-9_-]{0,64}[A-Z])[A-Za-z0-9_-]{20,}+")),
    ("_", "k_", re.compile(r"(?<![A-Za-z0-9])[sr]k_(?:live|test)_[A-Za-z0-9]{10,}+")),
    ("-", "glpat-", re.compile(r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{16,}+")),
    ("A", "AIza", re.compile(r"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}")),
    ("_", "npm_", re.compile(r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{30,}+")),
    ("S", "SG.", re.compile(r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}")),
    ("+", "u+", re.compile(r"(?<![A-Za-z0-9+/])u\+[A-Za-z0-9_-]{18}(?![A-Za-z0-9_-])")),  # PagerDuty, a person's
    ("J", "eyJ", re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+)?")),
)
_SLACK_HOOK = re.compile(r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9/_-]{10,}+")
_PEM_HEADER = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_FOOTER = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"[A-Za-z0-9+/=\s\\:,\-]*+")
_URL_REST = re.compile(r"""[^\s"'<>`]*+""")
_PORT = re.compile(r"\d{1,5}\Z")
_LONE_USER = re.compile(r"[A-Za-z0-9_\-]{20,}\Z")


def _words(name: str) -> list[str]:
    return [part.lower() for part in _PARTS.findall(name)]


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Say whether `name` (any spelling: DB_PASSWORD, apiKey, x-auth-token) is one under which a secret is kept."""
    words = _words(name[-_NAME_LIMIT:])
    if not words or words[-1] in _ABOUT or (len(words) > 1 and words[-2:] == ["key", "ref"]):
        return False
    joined = "".join(words)
    # Plurals count things ("max_tokens", "imagePullSecrets"), except where they are the credentials themselves.
    if words[-1] in {"tokens", "secrets", "passwords", "cookies"}:
        return False
    return any(stem in joined for stem in _STRONG)


@lru_cache(maxsize=4096)
def _is_weak_name(name: str) -> bool:
    words = _words(name[-_NAME_LIMIT:])
    return bool(words) and words[-1] in _WEAK


def looks_random(value: str) -> bool:
    """Say whether a value reads as generated: 20 characters or more, of mixed kinds, with high entropy."""
    if len(value) > _QUOTED_LIMIT or not _RANDOM.fullmatch(value):
        return False
    kinds = (any(c.islower() for c in value), any(c.isupper() for c in value), any(c.isdigit() for c in value))
    is_hex = len(value) >= 32 and all(c in "0123456789abcdef" for c in value)
    if not is_hex and not all(kinds):
        return False
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
    return entropy >= 3.0


def _is_plain(value: str) -> bool:
    """Say whether a value under a secret's name is no secret: empty, a state, a reference, or redacted already."""
    bare = value.strip().strip("\"'`").rstrip(".:,;!?")
    if not bare or bare.lower() in _PLAIN_VALUES or bare.startswith(MARKER):
        return True
    return bare.startswith(("$(", "${", "{{", "<")) or set(bare) <= {"*", "x", "X", "."}


def looks_secret(name: str, value: str) -> bool:
    """Say whether `value`, kept under `name`, is a secret by its name, its own form or its randomness."""
    if _is_plain(value):
        return False
    if is_secret_name(name) or (_is_weak_name(name) and looks_random(value.strip())):
        return True
    return redact(value) != value


def redact(text: str) -> str:
    """Return `text` without its secrets. Idempotent; the text of a clean line is returned as it is."""
    for _ in range(4):  # what one pass takes out can lay bare a second secret; a clean text costs one pass
        cleaned = _redact_once(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def _redact_once(text: str) -> str:
    if "-----BEGIN " in text:
        text = _redact_pem(text)
    for character, mark, pattern in _TOKENS:
        if character in text and mark in text:
            text = pattern.sub(MARKER, text)
    if "hooks.slack.com/" in text:
        text = _SLACK_HOOK.sub(rf"\g<1>{MARKER}", text)
    if "://" in text and "@" in text:
        text = _redact_urls(text)
    return _redact_named(text)


def _redact_pem(text: str) -> str:
    parts, position = [], 0
    while header := _PEM_HEADER.search(text, position):
        footer = _PEM_FOOTER.search(text, header.end())
        body = _PEM_BODY.match(text, header.end())
        end = footer.end() if footer else body.end() if body else header.end()
        parts += [text[position : header.start()], MARKER]
        position = end
    return "".join([*parts, text[position:]])


def _redact_urls(text: str) -> str:
    """Take the password out of `scheme://user:password@host`, also out of one with unescaped characters."""
    parts, position = [], 0
    start = text.find("://")
    while start >= 0:
        start += 3
        following = text.find("://", start)
        rest = _URL_REST.match(text, start, following if following >= 0 else len(text))
        end = rest.end() if rest else start
        if span := _userinfo_span(text[start:end]):
            parts += [text[position : start + span[0]], MARKER]
            position = start + span[1]
        start = following
    return "".join([*parts, text[position:]])


def _userinfo_span(rest: str) -> tuple[int, int] | None:
    """Return where the secret stands in what follows `://`, None when there is none."""
    slash = rest.find("/")
    authority = rest if slash < 0 else rest[:slash]
    at = authority.rfind("@")
    colon = authority.find(":")
    if colon >= 0 and (at > colon or (at < 0 and not _PORT.fullmatch(authority, colon + 1))):
        at = rest.rfind("@")  # an unescaped slash or at sign inside the password
    if at < 0:
        return None
    if 0 <= colon < at:
        return (colon + 1, at) if at > colon + 1 else None
    return (0, at) if _LONE_USER.match(authority[:at]) else None


def _candidates(lowered: str) -> list[int]:
    """Return where stems end, in ascending order."""
    ends: set[int] = set()
    for stem in _STEMS:
        if stem in lowered:  # mostly not, and then this is the cheapest way to know
            size = len(stem)
            found = lowered.find(stem)
            while found >= 0:
                ends.add(found + size)
                found = lowered.find(stem, found + size)
    return sorted(ends)


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if c.isascii() else c for c in text)  # a few letters grow when lowered: keep positions


def _redact_named(text: str) -> str:
    parts: list[str] = []
    position = 0
    for candidate in _candidates(_lower(text)):
        if candidate <= position:
            continue
        start, end = _name_around(text, candidate)
        if span := _secret_span(text, start, end):
            parts += [text[position : span[0]], MARKER]
            position = span[1]
        else:
            parts.append(text[position:end])  # the whole name is judged: a second stem inside it says nothing new
            position = end
    return "".join([*parts, text[position:]]) if parts else text


def _name_around(text: str, inside: int) -> tuple[int, int]:
    """Return the bounds of the name that a stem belongs to, at most 80 characters to either side."""
    before = text[max(0, inside - _NAME_LIMIT) : inside]
    after = text[inside : inside + _NAME_LIMIT]
    start = inside - len(before) + len(before.rstrip(_NAME_CHARS))
    return start, inside + len(after) - len(after.lstrip(_NAME_CHARS))


def _secret_span(text: str, start: int, end: int) -> tuple[int, int] | None:
    name = text[start:end]
    lowered = name.lower()
    if lowered.endswith(("bearer", "basic")):
        return _credential_span(text, end)
    strong = is_secret_name(name)
    if not strong and not _is_weak_name(name):
        return None
    joint = _JOINT.match(text, end)
    if joint is None and "passw" in lowered:
        joint = _SPACED_VALUE.match(text, end)
    if joint is None and name.startswith("--"):
        joint = _FLAG_VALUE.match(text, end)
    if joint is None:
        return None
    span, quoted = _value_span(text, joint.end(), header="cookie" in lowered and ":" in joint[0])
    value = text[span[0] : span[1]]
    if _is_plain(value):
        return None
    if strong:
        prose = not quoted and joint[0].endswith(" ") and ":" in joint[0] and _is_prose(text, start, value, lowered)
        return None if prose else span
    return span if looks_random(value) else None


def _is_prose(text: str, start: int, value: str, name: str) -> bool:
    """Say whether `name: value` is part of a sentence, as in "invalid token: signature mismatch"."""
    before = text[start - 1] if start else "\n"
    if before == "/":
        return True  # a path: "open /var/run/secrets/x/token: permission denied"
    if "passw" in name or "pwd" in name:
        return False
    line_start = text.rfind("\n", max(0, start - 200), start) + 1
    indent_only = not text[max(line_start, start - 200) : start].strip(" \t-")
    return not indent_only and value.isalpha() and len(value) < 16


def _credential_span(text: str, end: int) -> tuple[int, int] | None:
    """Return the bounds of what follows `Bearer` or `Basic`, unless it is a word such as "authentication"."""
    found = _CREDENTIAL.match(text, end)
    if found is None:
        return None
    value = found[1]
    if value[1:].islower() and value.isalpha():
        return None
    if value.isupper() and value.isalpha() and len(value) < 20:
        return None
    return found.span(1)


def _value_span(text: str, start: int, *, header: bool) -> tuple[tuple[int, int], bool]:
    """Return the bounds of the value that begins at `start`, and whether it is quoted."""
    if opening := _OPENING.match(text, start):
        return (opening.end(), _closing(text, opening.end(), opening[0])), True
    if header and (line := _LINE.match(text, start)):
        return line.span(), False
    if scheme := _SCHEME.match(text, start):
        start = scheme.end()
    if text.startswith(MARKER, start):
        return (start, start + len(MARKER)), False
    if bare := _BARE.match(text, start):
        return bare.span(), False
    return (start, start), False


def _closing(text: str, start: int, opening: str) -> int:
    """Return where a quoted value ends: at its closing quote, or at the end of the line when there is none."""
    limit = min(len(text), start + _QUOTED_LIMIT)
    found = text.find(opening, start, limit)
    while found > start and text[found - 1] == "\\" and (len(opening) > 1 or _is_escaped(text, found, start)):
        found = text.find(opening, found + 1, limit)
    if found >= 0:
        return found
    newline = text.find("\n", start, limit)
    return newline if newline >= 0 else limit


def _is_escaped(text: str, quote: int, start: int) -> bool:
    before = text[max(start, quote - 16) : quote]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def redact_json(value: Any) -> Any:
    """Return a copy of a JSON value without its secrets; numbers, booleans and null stay as they are.

    Strings under names of secrets are replaced whole, as are the values of `env` entries, of flags in argument lists
    and of Kubernetes Secrets; every other string goes through `redact`.
    """
    match value:
        case str():
            return _redact_string(value)
        case dict():
            return _redact_object(value)
        case list() | tuple():
            return _redact_list(value)
    return value


def _redact_string(value: str) -> str:
    # The annotation last-applied-configuration holds a whole object as text, perhaps a Secret.
    if '"Secret"' in value and value.lstrip()[:1] in {"{", "["}:
        try:
            return json.dumps(redact_json(json.loads(value)), separators=(",", ":"), ensure_ascii=False)
        except (ValueError, RecursionError):
            return redact(value)
    return redact(value)


def _replace_strings(value: Any) -> Any:
    match value:
        case str():
            return value if _is_plain(value) else MARKER
        case list() | tuple():
            return [_replace_strings(item) for item in value]
        case dict():
            return redact_json(value)
    return value


def _redact_object(value: dict[Any, Any]) -> dict[Any, Any]:
    is_secret_object = value.get("kind") == "Secret"
    named = value.get("name", value.get("key"))
    result: dict[Any, Any] = {}
    for key, item in value.items():
        judge: Callable[[Any], Any] = redact_json
        if is_secret_object and key in {"data", "stringData"} and isinstance(item, dict):
            result[key] = {name: MARKER for name in item}  # noqa: C420 - reads as what it is: every value is replaced
            continue
        if isinstance(key, str) and (
            is_secret_name(key)
            or (key == "value" and isinstance(named, str) and isinstance(item, str) and looks_secret(named, item))
            or (isinstance(item, str) and _is_weak_name(key) and looks_random(item))
        ):
            judge = _replace_strings
        result[key] = judge(item)
    return result


def _redact_list(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    result: list[Any] = []
    flag = False
    for item in value:
        result.append(_replace_strings(item) if flag and isinstance(item, str) else redact_json(item))
        flag = isinstance(item, str) and item.startswith("-") and "=" not in item and is_secret_name(item)
    return result
