"""Scripts of the demo applications' own images: what each needs to live, and how it dies without it."""

from collections.abc import Mapping

from sandbox.kubernetes.images import MEBIBYTE, Behaviour, Process, Script

REGISTRY = "registry.example.com"
_PAYMENT_CONFIG = "/etc/payment/config.yaml"
_MEMORY_NEEDED = 180 * MEBIBYTE
_MILLICORES_PER_WORKER = 250.0


def payment_service(process: Process) -> Behaviour:
    """Read the configuration file at start, and go no further without it."""
    version = process.image.rpartition(":")[2]
    start = f"INFO  payment-service {version} starting, reading {_PAYMENT_CONFIG}"
    content = process.files.get(_PAYMENT_CONFIG)
    if content is None:
        missing = f"payment-service: can't open '{_PAYMENT_CONFIG}': No such file or directory"
        return Behaviour(log=(start, missing), exit_code=1, exits_after=1)
    if "provider:" not in content:
        log = (start, f"FATAL {_PAYMENT_CONFIG}: required key 'provider' is not set")
        return Behaviour(log=log, exit_code=1, exits_after=1)
    ready = (start, "INFO  payment provider configured", "INFO  listening on :8080")
    return Behaviour(log=ready, memory=96 * MEBIBYTE, millicores=40, chatter=_payments, listens=frozenset({8080}))


def _payments(number: int) -> str:
    order, cents, took = 4100 + number, 1290 + 37 * (number % 11), 41 + number % 9
    return f"INFO  charge authorised order={order} amount_cents={cents} took_ms={took}"


def analytics_service(process: Process) -> Behaviour:
    log = (f"INFO  analytics-service {process.image.rpartition(':')[2]} ready", "INFO  consuming topic page-views")
    return Behaviour(log=log, memory=140 * MEBIBYTE, millicores=60, listens=frozenset({8080}))


def memory_hog(process: Process) -> Behaviour:
    """Warms a cache of a fixed size; under a smaller limit the kernel ends it in the middle of a line of work."""
    del process
    log = ("INFO  loading catalogue into memory", "INFO  cache warm-up 25%", "INFO  cache warm-up 50%")
    return Behaviour(log=log, memory=_MEMORY_NEEDED, millicores=80, exits_after=2, listens=frozenset({8080}))


def cpu_intensive(process: Process) -> Behaviour:
    """Each of its WORKERS keeps a quarter of a core busy; the limit then cuts it off."""
    workers = int(process.env.get("WORKERS", "1"))
    wanted = workers * _MILLICORES_PER_WORKER
    limit = process.cpu_limit
    throttled = 0.0
    if limit is not None and wanted > limit:
        throttled, wanted = 1 - limit / wanted, limit * 0.999
    log = (f"INFO  render pool started workers={workers}",)
    return Behaviour(
        log=log,
        memory=70 * MEBIBYTE,
        millicores=wanted,
        throttled=throttled,
        chatter=lambda n: f"INFO  frame {n} rendered in {round(40 / (1 - throttled))} ms",
        listens=frozenset({8080}),
    )


def slow_starter(process: Process) -> Behaviour:
    """Healthy, but not yet when its first readiness probe comes: a new cluster is full of such stale events."""
    del process
    log = ("INFO  warming up", "INFO  ready on :8080")
    return Behaviour(log=log, memory=60 * MEBIBYTE, millicores=15, ready_after=3, listens=frozenset({8080}))


def orders_api(process: Process) -> Behaviour:
    del process
    return Behaviour(log=("INFO  orders api on :8080",), memory=64 * MEBIBYTE, millicores=20, listens=frozenset({8080}))


DEMO_IMAGES: Mapping[str, tuple[Script, tuple[str, ...]]] = {
    f"{REGISTRY}/payments/payment-service": (payment_service, ("1.8.0", "1.8.1", "1.9.0")),
    f"{REGISTRY}/insights/analytics-service": (analytics_service, ("2.3.0", "2.3.1", "2.4.0")),
    f"{REGISTRY}/catalogue/memory-hog": (memory_hog, ("1.2.0", "1.3.0")),
    f"{REGISTRY}/media/cpu-intensive": (cpu_intensive, ("3.1.0",)),
    f"{REGISTRY}/shop/healthy-app": (slow_starter, ("5.0.2",)),
    f"{REGISTRY}/orders/orders-api": (orders_api, ("4.2.0",)),
}
