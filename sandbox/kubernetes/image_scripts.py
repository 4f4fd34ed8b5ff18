"""Scripts of well-known public images, so that manifests people bring along do what they expect."""

import itertools
import re
import shlex
from collections.abc import Mapping

from sandbox.kubernetes.images import MEBIBYTE, Behaviour, Process, Script

WELL_KNOWN_TAG = re.compile(
    r"^(latest|stable|alpine|slim|mainline|musl|glibc|v?\d+(\.\d+)*([-.](?!.*(missing|exist|fake))[\w.-]+)?)$"
)
_SHELLS = frozenset({"sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash"})
_BUILT_IN = frozenset(
    {
        "sleep",
        "echo",
        "true",
        "false",
        "exit",
        "cat",
        "while",
        "for",
        "if",
        "trap",
        "tail",
        "printf",
        "date",
        "wget",
        "nc",
        "ls",
        "env",
        "test",
        "[",
        "touch",
        "mkdir",
        "yes",
        "dd",
        "head",
        "httpd",
        "nslookup",
        "curl",
        "hostname",
        "export",
        "set",
        "until",
        "i=0",
        ":",
        "exec",
        "stress",
        "python",
        "python3",
        "seq",
        "kill",
        "id",
        "pwd",
    }
)
_FOREVER = re.compile(
    r"while\s+(true|:|\[ 1 \]|sleep)|sleep\s+(infinity|inf|\d{3,})|tail\s+-f|until\s+false|for\s*\(\(;;"
)
_EXIT = re.compile(r"\bexit\s+(\d+)")
_ECHO = re.compile(r"\becho\s+(?:-[en]+\s+)?(\"[^\"]*\"|'[^']*'|[^;&|>]+)(>&2|>\s*/dev/stderr)?")
_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")
_SIZE = re.compile(r"^(\d+)([KMGkmg]?)B?$")
_MEMORY_FLAGS = ("--vm-bytes", "-mem-total", "--mem-total", "--vm-size")


def nginx(process: Process) -> Behaviour:
    if process.argv:
        return shell(process)
    log = (
        "/docker-entrypoint.sh: Configuration complete; ready for start up",
        '[notice] 1#1: using the "epoll" event method',
        "[notice] 1#1: start worker processes",
    )
    return Behaviour(log=log, memory=9 * MEBIBYTE, millicores=1, listens=frozenset({80, 8080}))


def redis(process: Process) -> Behaviour:
    if process.command:
        return shell(process)
    return Behaviour(log=("* Ready to accept connections tcp",), memory=11 * MEBIBYTE, listens=frozenset({6379}))


def postgres(process: Process) -> Behaviour:
    """Refuse to start without a superuser password, as the official image does."""
    if process.command:
        return shell(process)
    env = process.env
    if not env.get("POSTGRES_PASSWORD") and env.get("POSTGRES_HOST_AUTH_METHOD") != "trust":
        log = (
            "Error: Database is uninitialized and superuser password is not specified.",
            "       You must specify POSTGRES_PASSWORD to a non-empty value for the",
            '       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".',
            "",
            '       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all',
            "       connections without a password. This is *not* recommended.",
            "",
            '       See PostgreSQL documentation about "trust":',
            "       https://www.postgresql.org/docs/current/auth-trust.html",
        )
        return Behaviour(log=log, exit_code=1, exits_after=1)
    ready = (
        "PostgreSQL init process complete; ready for start up.",
        'LOG:  listening on IPv4 address "0.0.0.0", port 5432',
        "LOG:  database system is ready to accept connections",
    )
    return Behaviour(log=ready, memory=42 * MEBIBYTE, millicores=4, listens=frozenset({5432}), ready_after=1.0)


def pause(process: Process) -> Behaviour:
    del process
    return Behaviour(memory=MEBIBYTE, millicores=0.1)


def stress(process: Process) -> Behaviour:
    """stress, stress-ng and the like: memory and CPU from the command line."""
    words = [word for part in process.argv for word in part.split()]
    memory, cores = 4 * MEBIBYTE, 0.0
    for flag, value in itertools.pairwise(words):
        if flag in _MEMORY_FLAGS:
            memory = max(memory, _bytes(value))
        elif flag in ("--cpu", "-c", "-cpus", "--cpus"):
            cores += float(value) if value.replace(".", "").isdigit() else 0
        elif flag in ("--vm", "-m"):
            cores += 0.5
    for word in words:
        for flag in _MEMORY_FLAGS:
            if word.startswith(f"{flag}="):
                memory = max(memory, _bytes(word.partition("=")[2]))
    log = ("stress: info: [1] dispatching hogs",)
    millicores = cores * 1000
    throttled = 0.0
    if process.cpu_limit is not None and millicores > process.cpu_limit:
        throttled = min(0.98, 1 - process.cpu_limit / millicores)
        millicores = process.cpu_limit * 0.998
    return Behaviour(log=log, memory=memory, millicores=millicores or 5, throttled=throttled)


def python(process: Process) -> Behaviour:
    """Python with `-c`: exits and prints are read off the source; big allocations use memory."""
    source = " ".join(process.argv)
    if not process.argv:
        return Behaviour(exit_code=0, exits_after=0.5)
    if re.search(r"raise\s+(\w+)|1\s*/\s*0", source):
        error = re.search(r"raise\s+(\w+)(?:\((.*?)\))?", source)
        last = (
            f"{error[1]}: {(error[2] or '').strip(chr(34) + chr(39))}"
            if error
            else "ZeroDivisionError: division by zero"
        )
        log = ("Traceback (most recent call last):", '  File "<string>", line 1, in <module>', last)
        return Behaviour(log=log, exit_code=1, exits_after=0.5)
    left = re.search(r"(?:sys\.|os\._)?exit\((\d+)\)", source)
    if left:
        return Behaviour(log=_printed(source), exit_code=int(left[1]), exits_after=0.5)
    grown = re.search(r"(\d+)\s*\*\s*1024\s*\*\s*1024|(\d+)\s*\*\s*1024\s*\*\*\s*2|(\d+)\s*<<\s*20", source)
    memory = float(next(filter(None, grown.groups()))) * MEBIBYTE if grown else 14 * MEBIBYTE
    if re.search(r"while\s+(True|1)", source) and re.search(r"append|\+=|extend", source):
        memory = float("inf")
    runs = re.search(r"while\s+(True|1)|serve_forever|http\.server|sleep\(\d{3,}|\.run\(", source) or not _inline(
        process
    )
    return Behaviour(log=_printed(source), exit_code=None if runs else 0, memory=memory)


def _inline(process: Process) -> bool:
    return "-c" in process.argv


def _printed(source: str) -> tuple[str, ...]:
    return tuple(re.findall(r"print\(\s*[\"'](.*?)[\"']", source))


def shell(process: Process) -> Behaviour:
    """busybox, alpine and friends: what a command line or a small `sh -c` script would do."""
    argv = process.argv
    if not argv:
        return Behaviour(exit_code=0, exits_after=0.3)  # A shell without a terminal ends at once.
    program = argv[0]
    if program in _SHELLS and "-c" in argv[1:3]:
        return _script(process, " ".join(argv[2:]))
    name = program.rpartition("/")[2]
    if name in ("stress", "stress-ng"):
        return stress(process)
    if name.startswith("python"):
        return python(process)
    if name not in _BUILT_IN and program not in _SHELLS and "nginx" not in name:
        return Behaviour(start_error=f'exec: "{program}": executable file not found in $PATH')
    return _script(process, shlex.join(argv))


def _script(process: Process, source: str) -> Behaviour:
    env = dict(process.env)
    log = tuple(_expand(match[1].strip().strip("\"'"), env) for match in _ECHO.finditer(source))
    first = source.split(maxsplit=1)[0] if source.split() else ""
    missing = re.search(r"\bcat\s+(/[\w./-]+)", source)
    if missing and missing[1] not in process.files and not _FOREVER.search(source):
        return Behaviour(log=(*log, f"cat: can't open '{missing[1]}': No such file or directory"), exit_code=1)
    if "/dev/zero" in source and "tail" in source:
        return Behaviour(log=log, memory=float("inf"))
    sleeping = sum(float(text) for text in _SLEEP.findall(source) if float(text) < 100)
    left = _EXIT.search(source)
    if _FOREVER.search(source) and not (left and not source.strip().endswith("done")):
        chatter = (lambda _: log[-1]) if log and "while" in source else None
        return Behaviour(log=log, chatter=chatter, memory=2 * MEBIBYTE, millicores=1)
    if left:
        return Behaviour(log=log, exit_code=int(left[1]), exits_after=max(0.3, sleeping))
    if first == "false" or source.strip().endswith("false"):
        return Behaviour(log=log, exit_code=1, exits_after=max(0.3, sleeping))
    if re.match(r"^[\w./-]+$", first) and first not in _BUILT_IN and "=" not in first and not first.startswith("/"):
        return Behaviour(log=(*log, f"sh: {first}: not found"), exit_code=127, exits_after=0.3)
    if first in ("httpd", "nc", "tail"):
        return Behaviour(log=log)
    return Behaviour(log=log, exit_code=0, exits_after=max(0.3, sleeping))


def _expand(text: str, env: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda match: env.get(match[1], ""), text)


def _bytes(text: str) -> float:
    match = _SIZE.match(text)
    if match is None:
        return 0.0
    return float(match[1]) * {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}[match[2].lower()]


WELL_KNOWN: Mapping[str, Script] = {
    "nginx": nginx,
    "httpd": nginx,
    "busybox": shell,
    "alpine": shell,
    "ubuntu": shell,
    "debian": shell,
    "curlimages/curl": shell,
    "python": python,
    "redis": redis,
    "postgres": postgres,
    "bitnami/postgresql": postgres,
    "polinux/stress": stress,
    "progrium/stress": stress,
    "alexeiled/stress-ng": stress,
    "vish/stress": stress,
    "registry.k8s.io/pause": pause,
    "k8s.gcr.io/pause": pause,
    "registry.k8s.io/e2e-test-images/agnhost": nginx,
    "gcr.io/google-samples/hello-app": nginx,
    "hashicorp/http-echo": nginx,
    "traefik/whoami": nginx,
}
