"""Figure 7: how long `oncall-agent --help` takes, and that it loads no vendor's package."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figures import Effort, Figure, Goal

_ROOT = Path(__file__).resolve().parents[1]
GOAL = Goal(0.3, at_least=False)
NONE_LOADED = Goal(0, at_least=False)
VENDORS = ("aiohttp", "alembic", "anthropic", "dbos", "kubernetes", "psycopg", "slack_bolt", "slack_sdk", "sqlalchemy")
_LIST_MODULES = (
    "import sys\nfrom bot.__main__ import cli\ncli.main(args=['--help'], standalone_mode=False)\n"
    "print(*sys.modules, file=sys.stderr)"
)


def _seconds(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run(arguments, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _command() -> tuple[str, ...]:
    """Return the installed command, or where it is not installed what it runs."""
    script = Path(sys.executable).with_name("oncall-agent")
    return (str(script),) if script.exists() else (sys.executable, "-m", "bot")


def _loaded() -> set[str]:
    """Return the vendors' packages that `--help` has loaded when it is done."""
    done = subprocess.run([sys.executable, "-c", _LIST_MODULES], cwd=_ROOT, check=True, capture_output=True, text=True)
    return set(VENDORS) & {name.partition(".")[0] for name in done.stderr.split()}


def _measure(effort: Effort) -> list[Figure]:
    helps, plain = [], []
    for _ in range(effort.repetitions):
        helps.append(min(_seconds(*_command(), "--help") for _ in range(3)))
        plain.append(min(_seconds(sys.executable, "-c", "pass") for _ in range(3)))
    loaded = _loaded()
    return [
        Figure("help", tuple(helps), "s", "oncall-agent --help, best of 3", f"{min(plain):.3f} s python -c pass", GOAL),
        Figure(
            "help-vendors",
            (float(len(loaded)),),
            "packages",
            f"loaded by --help: {', '.join(sorted(loaded)) or 'none'}",
            f"of {len(VENDORS)} that are looked for",
            NONE_LOADED,
        ),
    ]


async def measure(effort: Effort) -> list[Figure]:
    """Return the best times of `--help` in seconds, and how many vendors' packages it loads."""
    return await asyncio.to_thread(_measure, effort)
