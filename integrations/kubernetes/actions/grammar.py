"""The grammars of names and references, as the API server and container runtimes check them.

All of it is checked before anything is stored: a proposal that the server would refuse is not worth a person's click.
"""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, StrictInt

from bot.domain.entity import CLUSTER_SCOPED, ObjectRef
from bot.errors import InvalidInput

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
_DNS_LABEL = re.compile(_LABEL, re.ASCII)
_DNS_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_QUALIFIED_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*", re.ASCII)
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}", re.ASCII)
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9](?:-?[a-z0-9])*", re.ASCII)

_URL_PATH = re.compile(r"/[!-~]{0,511}", re.ASCII)
_FINALIZER = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_./]{0,251}[A-Za-z0-9])?", re.ASCII)

_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:localhost|{_HOST_PART}(?:\.{_HOST_PART})+|{_HOST_PART}(?=:))(?:\.{_HOST_PART})*(?::\d{{1,5}})?"
_PATH_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PATH_PART}(?:/{_PATH_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)


def check_dns_label(text: str) -> str:
    if not _DNS_LABEL.fullmatch(text):
        raise ValueError(f"{text!r} is not a name of lower-case letters, digits and '-', at most 63 long")
    return text


def check_object_name(text: str) -> str:
    if len(text) > 253 or not _DNS_SUBDOMAIN.fullmatch(text):
        raise ValueError(f"{text!r} is not a name of lower-case letters, digits, '-' and '.', at most 253 long")
    return text


def check_label_key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if slash:
        check_object_name(prefix)
    if not _QUALIFIED_NAME.fullmatch(name):
        raise ValueError(f"{text!r} is not a label key")
    return text


def check_label_value(text: str) -> str:
    if text and not _QUALIFIED_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a label value")
    return text


def check_env_name(text: str) -> str:
    if len(text) > 253 or not _ENV_NAME.fullmatch(text) or text in {".", ".."} or text.startswith(".."):
        raise ValueError(f"{text!r} is not the name of an environment variable")
    return text


def check_config_key(text: str) -> str:
    if not _CONFIG_KEY.fullmatch(text) or text == "." or text.startswith(".."):
        raise ValueError(f"{text!r} is not a key: letters, digits, '-', '_' and '.', at most 253 long")
    return text


def check_port_name(text: str) -> str:
    if len(text) > 15 or not _PORT_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a port name: lower-case letters, digits and '-', at most 15 long")
    return text


def check_port(value: int | str) -> int | str:
    """Accept a port's number or name; digits are a number."""
    if isinstance(value, str):
        return check_port(int(value)) if value.isascii() and value.isdigit() else check_port_name(value)
    if not 1 <= value <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return value


def check_url_path(text: str) -> str:
    if not _URL_PATH.fullmatch(text):
        raise ValueError("a path begins with '/' and holds printable characters without spaces, at most 512")
    return text


def check_image(text: str) -> str:
    """Accept `[registry[:port]/]path[:tag][@digest]` as container runtimes parse it."""
    match = _IMAGE.fullmatch(text) if len(text) <= 512 else None
    if match is None or len(match["name"]) > 255:
        raise ValueError(f"{text!r} is not an image reference such as registry.example.com/team/app:1.2.3")
    return text


def check_finalizer(text: str) -> str:
    if not _FINALIZER.fullmatch(text):
        raise ValueError(f"{text!r} is not a finalizer such as kubernetes.io/pvc-protection")
    return text


DNSLabel = Annotated[str, AfterValidator(check_dns_label)]
ObjectName = Annotated[str, AfterValidator(check_object_name)]
EnvName = Annotated[str, AfterValidator(check_env_name)]
ConfigKey = Annotated[str, AfterValidator(check_config_key)]
ImageReference = Annotated[str, AfterValidator(check_image)]
PortReference = Annotated[StrictInt | str, AfterValidator(check_port)]
URLPath = Annotated[str, AfterValidator(check_url_path)]
Finalizer = Annotated[str, AfterValidator(check_finalizer)]


def check_target(action: str, target: ObjectRef, kinds: tuple[str, ...]) -> None:
    """Raise InvalidInput unless `target` is a well-formed name of one of `kinds`."""
    if target.kind not in kinds:
        raise InvalidInput(f"{action} works on {' or '.join(kinds)}, not on {target.kind}.")
    if target.kind not in CLUSTER_SCOPED and not target.namespace:
        raise InvalidInput(f"{target.kind} {target.name} needs a namespace.")
    checks: list[tuple[str, Callable[[str], str]]] = [(target.name, check_object_name)]
    if target.namespace:
        checks.append((target.namespace, check_dns_label))
    for text, check in checks:
        try:
            check(text)
        except ValueError as error:
            raise InvalidInput(f"{error}.") from None
