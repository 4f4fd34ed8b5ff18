"""Alerts about virtual machines: processor, memory, a process that dies."""

import random

from sandbox.scenarios.alerts.draft import AlertDraft, Build, link, pick_host


def high_cpu(dice: random.Random) -> AlertDraft:
    host, percent = pick_host(dice, "web"), dice.randint(93, 99)
    return AlertDraft(
        summary=f"web-fleet: CPU {percent} % on {host} for {dice.randint(8, 25)} min",
        source=host,
        severity="warning",
        component="web-fleet",
        event_class="server.cpu",
        group="server",
        details={
            "host": host,
            "cpu_percent": percent,
            "load_average_1m": round(dice.uniform(14, 38), 1),
            "cores": 8,
            "top_process": dice.choice(("api-worker", "image-resize", "gzip")),
            "top_process_pid": dice.randint(900, 32_000),
            "top_process_cpu_percent": dice.randint(380, 760),
            "requests_per_second": dice.randint(220, 900),
            "steal_percent": round(dice.uniform(0, 3), 1),
        },
        dedup_key=f"{host}/cpu",
        links=link(f"hosts/{host}", "Host dashboard"),
    )


def memory_leak(dice: random.Random) -> AlertDraft:
    host, growth = pick_host(dice, "web"), dice.randint(60, 260)
    used = dice.randint(88, 96)
    return AlertDraft(
        summary=f"web-fleet: memory leak suspected on {host}, RSS grows {growth} MB/h",
        source=host,
        severity="warning",
        component="web-fleet",
        event_class="server.memory_leak",
        group="server",
        details={
            "host": host,
            "process": "api-worker",
            "pid": dice.randint(900, 32_000),
            "memory_used_percent": used,
            "rss_megabytes": dice.randint(5_200, 7_400),
            "growth_megabytes_per_hour": growth,
            "uptime_hours": dice.randint(30, 160),
            "hours_until_full": round((100 - used) * 80 / growth, 1),
            "swap_used_megabytes": dice.randint(0, 900),
            "release": f"api-2026.{dice.randint(40, 47)}.{dice.randint(1, 5)}",
        },
        dedup_key=f"{host}/memory",
        links=link(f"hosts/{host}/memory", "Memory by process"),
    )


def process_crash(dice: random.Random) -> AlertDraft:
    host, crashes = pick_host(dice, "web"), dice.randint(5, 18)
    signal, meaning = dice.choice(((11, "segfault"), (6, "abort")))
    return AlertDraft(
        summary=f"web-fleet: process api-worker crashed {crashes} times on {host}",
        source=host,
        severity="critical",
        component="web-fleet",
        event_class="server.process_crash",
        group="server",
        details={
            "host": host,
            "process": "api-worker",
            "crashes_last_15m": crashes,
            "signal": signal,
            "last_message": f"api-worker[{dice.randint(900, 32_000)}]: {meaning} at {dice.randint(16**6, 16**7):x}",
            "core_dump": f"/var/crash/api-worker.{dice.randint(900, 32_000)}",
            "release": f"api-2026.{dice.randint(40, 47)}.{dice.randint(1, 5)}",
            "minutes_since_release": dice.randint(3, 45),
            "supervisor": "systemd",
        },
        dedup_key=f"{host}/api-worker",
        links=link(f"hosts/{host}/processes", "Processes"),
    )


BUILDERS: dict[str, Build] = {
    "server-high-cpu": high_cpu,
    "server-memory-leak": memory_leak,
    "server-process-crash": process_crash,
}
