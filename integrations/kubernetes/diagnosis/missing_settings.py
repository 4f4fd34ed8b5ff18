"""The setting that a program misses, as programs of many languages say it: a variable or a key of configuration."""

import re
from collections.abc import Sequence

_NAME = r"(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}[A-Z0-9]*)"
_QUOTE = "[\"'`]?"
_ABSENT = r"(?:not (?:set|defined|found|specified|provided|configured|present)|undefined|unset|missing|required|empty)"
_VARIABLES = tuple(
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
        rf"(?i:environment variable not found): {_QUOTE}{_NAME}{_QUOTE}",
        rf"(?i:could not (?:resolve|expand)).{{0,60}}?(?:value |\$\{{){_NAME}\b",
        rf"getenv\({_QUOTE}{_NAME}{_QUOTE}\) must not be null",
        rf"\b{_NAME}: ?\[ ?['\"](?i:required|missing)",
        rf"(?i:missing) {_QUOTE}{_NAME}{_QUOTE} or ",
        rf"\((?i:set) {_NAME}\)",
        rf"\b{_NAME}: (?:unbound variable|parameter (?:null or )?not set)",
        rf"(?i:environment variable|env var) .{{0,40}}?{_QUOTE}{_NAME}{_QUOTE}.{{0,40}}?(?i:{_ABSENT})",
        rf"(?i:missing|required|not set|undefined).{{0,60}}\((?i:env)(?i:ironment)?(?i: variable| var)?:? ?{_NAME}\)",
    )
)
# A key of a configuration in any case: with a separator in it, or in quotes.
_DOTTED = r"[A-Za-z][\w\[\]-]*(?:[.:][\w\[\]-]+)+|[a-z][a-z0-9]*(?:[-_][a-z0-9]+)+"
_KEY = rf"(?:[\"'`](?P<quoted>[A-Za-z][\w.:\[\]-]*)[\"'`]|(?P<bare>{_DOTTED})(?![\w/(]))"
_KIND = r"(?:key|property|setting|option|parameter|value|field|variable|entry|configuration|config)"
_KEYS = tuple(
    re.compile(pattern)
    for pattern in (
        r"MissingField\(\"(?P<quoted>\w+)\"\)",
        r"(?:property value|property) \[\$\{(?P<quoted>[\w.-]+)\}\]",
        r"[Rr]esolve placeholder [\"'](?P<quoted>[A-Za-z][\w.:\[\]-]*)[\"']",
        (
            rf"(?i:missing|no value (?:given |provided )?for|no configuration setting found for)"
            rf"(?i: required| mandatory)?(?i: configuration| config| application)?(?i: {_KIND})s?(?i: for)?[ :=]+{_KEY}"
        ),
        rf"(?i:required)(?i: configuration| config)? (?i:{_KIND})s? {_KEY}.{{0,20}}?\b(?i:{_ABSENT})\b",
        (
            rf"(?i:config(?:uration)? ?(?:key|property|setting|option|parameter|value|entry)?|property|setting) {_KEY}"
            rf" (?i:is |was |has |must be |could )?(?i:been )?(?i:{_ABSENT}|not be found|mandatory)\b"
        ),
    )
)
_CONNECTION = re.compile(
    r"[Cc]onnection ?[Ss]tring(?: named)? [\"'](?P<name>\w+)[\"'](?: was| is)? (?:not|missing)|"
    r"[Nn]o connection ?string(?: named)? [\"'](?P<other>\w+)[\"']"
)
_BY_FRAMEWORK = (
    (re.compile(r"No application encryption key has been specified|MissingAppKeyException"), "APP_KEY"),
    (re.compile(r"[Mm]issing [`'\"]?secret_key_base"), "SECRET_KEY_BASE"),
    (re.compile(r"The SECRET_KEY setting must not be empty"), "SECRET_KEY"),
    (re.compile(r"Database is uninitialized and password option is not specified"), "MYSQL_ROOT_PASSWORD"),
)
"""Frameworks that do not name the variable which they read."""
_WORDS = re.compile(
    r"must|need|have to|please|should|env|placeholder|missing|undefined|unset|required|not |no |KeyError|key |unbound|"
    r"resolve|expand|\(set|propert|"
    r"MissingAppKey",
    re.IGNORECASE,
)
_WINDOW = 400
_LONGEST = 80
_FILE = re.compile(
    r"\.(?:ya?ml|json|toml|ini|conf|cfg|properties|xml|pem|crt|key|py|js|ts|go|rb|java|cs|rs|php)$|:\d+$"
)

_LIST_HEAD = re.compile(
    r"(?:environment|env|config\w*|settings?)\b.{0,40}(?:variables?|vars?|keys?|values?)", re.IGNORECASE
)
_LIST_COMPLAINS = re.compile(r"\bneed|one of|missing|required|not set|undefined|unset|must be|invalid", re.IGNORECASE)
_LISTED = re.compile(rf"^\s*(?:[-*•] |\s){_NAME}(?:\s*$|:\s|\s[-(])")
_FIELD = re.compile(r"^\s*(?P<name>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*)\s*$")
_FIELD_MISSING = re.compile(
    r"^\s+(?:[Ff]ield required|[Mm]issing data for required field|none is not an allowed value)"
)
_PATH_OPENS = re.compile(r"^\s*[\"']?path[\"']?: \[\s*$")
_PATH_ENTRY = re.compile(r"^\s*[\"'](?P<name>\w+)[\"'],?\s*$")
_PATH_INLINE = re.compile(r"[\"']?path[\"']?: ?\[ ?[\"'](?P<name>\w+)[\"'] ?\]")
_INVALID = re.compile(r"undefined|[Rr]equired|invalid_type")
_NEARBY = 6


def missing_setting(line: str) -> str:
    """Return the name of the variable or key that a cleaned line misses, "" when it misses none."""
    if not _WORDS.search(line):
        return ""
    start = line[:_WINDOW]
    for pattern in _VARIABLES:
        if match := pattern.search(start):
            return match["name"]
    if match := _CONNECTION.search(start):
        return f"ConnectionStrings:{match['name'] or match['other']}"
    for pattern in _KEYS:
        if match := pattern.search(start):
            name = str(match["quoted"] or match.groupdict().get("bare") or "")
            if len(name) <= _LONGEST and not _FILE.search(name):
                return name
    return next((name for pattern, name in _BY_FRAMEWORK if pattern.search(start)), "")


def missing_beside(lines: Sequence[str], position: int) -> str:
    """Return the name that a message of several cleaned lines misses at one of them, as validators write them."""
    line = lines[position]
    before = lines[max(0, position - _NEARBY) : position]
    if before and _FIELD_MISSING.search(line) and (match := _FIELD.match(before[-1])):
        return match["name"].upper()
    listed = _LISTED.match(line)
    if listed and any(_LIST_HEAD.search(text) and _LIST_COMPLAINS.search(text) for text in before):
        return listed["name"]
    around = (*before, *lines[position + 1 : position + 1 + _NEARBY])
    if before and _PATH_OPENS.match(before[-1]) and (match := _PATH_ENTRY.match(line)):
        return match["name"] if any(_INVALID.search(text) for text in around) else ""
    if (match := _PATH_INLINE.search(line, 0, _WINDOW)) and any(_INVALID.search(text) for text in (line, *around)):
        return match["name"]
    return ""


def canonical(name: str) -> str:
    """Return a setting's name without case and separators: `vat.service-url` and `VAT_SERVICE_URL` are one setting."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
