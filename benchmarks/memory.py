"""Figure 6: what the bot's process holds when nothing happens, in the demo's configuration."""

import asyncio
import os
from pathlib import Path

from benchmarks.figures import Effort, Figure, Goal, middle
from benchmarks.processes import running
from benchmarks.socket_server import SocketServer
from bot.commands.demo import open_demo

GOAL = Goal(150, at_least=False)
_IDLE_SECONDS = 3.0


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (10^6 bytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def proportional_mb(pid: int) -> float:
    """Return its memory with shared pages divided among those who share them, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


async def _bare() -> float:
    server = await SocketServer.start()
    try:
        async with running("benchmarks.servers.bolt", server.url) as ready:
            await server.connected()
            await asyncio.sleep(1.0)
            megabytes = resident_mb(ready["pid"])
            await server.stop()
            return megabytes
    finally:
        await server.stop()


async def measure(effort: Effort) -> list[Figure]:
    """Return the resident memory after some idle seconds; cluster and PagerDuty are connected."""
    resident, shared = [], []
    for _ in range(effort.plays):
        async with open_demo() as demo:
            await asyncio.sleep(_IDLE_SECONDS)
            resident.append(resident_mb(demo.process.pid))
            shared.append(proportional_mb(demo.process.pid))
    bare = await _bare()
    return [
        Figure(
            "memory",
            tuple(resident),
            "MB",
            f"idle bot with cluster and PagerDuty; {middle(shared):.0f} MB proportional",
            f"{bare:.0f} MB a bare Bolt app",
            GOAL,
        )
    ]
