"""What the sandbox's images are: which exist, and what a container made from one needs and does.

An image's script is a function from a `Process` (what the container was started with) to a `Behaviour` (what it then
does). Times are seconds of the simulated cluster, memory is bytes, CPU is thousandths of a core.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes.objects import Obj

MEBIBYTE = 2.0**20


@dataclass(frozen=True, slots=True)
class Process:
    """What a container starts with. `files` are the mounted ConfigMap and Secret keys by absolute path."""

    image: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str]
    mounts: tuple[str, ...]
    memory_limit: float | None
    cpu_limit: float | None
    restarts: int
    pod: Obj
    serves: Callable[[str, int], bool]

    @property
    def argv(self) -> tuple[str, ...]:
        return (*self.command, *self.args)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the process does. Without `exit_code` it keeps running until it is stopped or killed.

    `memory` above the container's limit is an OOM kill after `exits_after` seconds; `chatter` gives the line number N
    of what it keeps logging every `chatter_every` seconds; `refused` is what its probes answer while it is not ready.
    """

    log: tuple[str, ...] = ()
    exit_code: int | None = None
    exits_after: float = 1.0
    memory: float = 24 * MEBIBYTE
    millicores: float = 5.0
    throttled: float = 0.0
    ready_after: float = 0.3
    ready: bool = True
    alive: bool = True
    refused: str = "HTTP probe failed with statuscode: 503"
    listens: frozenset[int] | None = None
    chatter: Callable[[int], str] | None = None
    chatter_every: float = 5.0
    stops_after: float = 1.0
    start_error: str = ""


Script = Callable[[Process], Behaviour]


@dataclass(frozen=True, slots=True)
class PullFailure:
    """Why an image cannot be had: the runtime's message, and the short one of the Failed event's state."""

    message: str
    reason: str = "ErrImagePull"


@dataclass(slots=True)
class Repository:
    """One repository: its script, and its tags as names or as a pattern for well-known images."""

    script: Script
    tags: set[str] = field(default_factory=set)
    pattern: re.Pattern[str] | None = None

    def has(self, tag: str) -> bool:
        return tag in self.tags or (self.pattern is not None and self.pattern.match(tag) is not None)


class ImageRegistry:
    """The images that can be pulled. Tests and scenarios add theirs with `register`."""

    def __init__(self) -> None:
        self._repositories: dict[str, Repository] = {}
        self._failures: dict[str, PullFailure] = {}

    def register(self, name: str, script: Script, tags: Iterable[str] = ("latest",)) -> None:
        """Make `name:tag` exist for each tag and behave as `script` says; more tags of a known name are added."""
        key = canonical(name)
        known = self._repositories.get(key)
        if known is None or known.pattern is not None:
            self._repositories[key] = Repository(script, set(tags))
        else:
            known.script = script
            known.tags.update(tags)

    def register_family(self, name: str, script: Script, pattern: re.Pattern[str]) -> None:
        """Make `name` exist with every tag that matches `pattern`, as a public image with many releases does."""
        self._repositories[canonical(name)] = Repository(script, pattern=pattern)

    def refuse(self, image: str, message: str, reason: str = "ErrImagePull") -> None:
        """Make every pull of exactly `image` fail with the runtime's `message`."""
        self._failures[image] = PullFailure(message, reason)

    def allow(self, image: str) -> None:
        """Take back a `refuse`."""
        self._failures.pop(image, None)

    def tags(self, name: str) -> list[str]:
        """Return the named tags of a repository, empty when it does not exist."""
        found = self._repositories.get(canonical(name))
        return sorted(found.tags) if found else []

    def pull(self, image: str) -> Script | PullFailure:
        """Return the script of an image, or the failure a container runtime reports."""
        if image in self._failures:
            return self._failures[image]
        parsed = parse_image(image)
        if parsed is None:
            message = (
                f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": invalid '
                "reference format"
            )
            return PullFailure(message, "InvalidImageName")
        name, tag = parsed
        repository = self._repositories.get(name)
        reference = f"{name}:{tag}"
        if repository is not None and repository.has(tag):
            return repository.script
        failed = f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}"'
        if repository is not None:
            return PullFailure(f"rpc error: code = NotFound desc = {failed}: {reference}: not found")
        if name.startswith("docker.io/"):
            return PullFailure(
                f"{failed}: pull access denied, repository does not exist or may require authorization: server "
                "message: insufficient_scope: authorization failed"
            )
        host, _, path = name.partition("/")
        return PullFailure(
            f'{failed}: failed to do request: Head "https://{host}/v2/{path}/manifests/{tag}": dial tcp: lookup '
            f"{host} on 10.96.0.10:53: no such host"
        )


_REFERENCE = re.compile(
    r"^(?P<name>[a-z0-9]+([._/:-]+[a-z0-9]+)*?)(:(?P<tag>[\w][\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?$"
)


def parse_image(image: str) -> tuple[str, str] | None:
    """Split an image into its full repository name and its tag; None when it is not a reference."""
    match = _REFERENCE.match(image)
    if match is None:
        return None
    return canonical(match["name"]), match["tag"] or "latest"


def canonical(name: str) -> str:
    """Return the full name of a repository: `nginx` is `docker.io/library/nginx`."""
    first, _, rest = name.partition("/")
    if not rest:
        return f"docker.io/library/{name}"
    if "." in first or ":" in first or first == "localhost":
        return name
    return f"docker.io/{name}"


def serving(log: tuple[str, ...] = (), **more: Any) -> Script:
    """Return a script that logs and then runs healthily, whatever it was started with."""
    behaviour = Behaviour(log=log, **more)
    return lambda _: behaviour
