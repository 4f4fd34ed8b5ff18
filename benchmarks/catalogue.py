"""Every benchmark by the name that `--only` takes, in the order of the table."""

from collections.abc import Awaitable, Callable, Mapping

from benchmarks import audit, diagnosis, evidence, intake, memory, slack, start, thread
from benchmarks.figures import Effort, Figure

Benchmark = Callable[[Effort], Awaitable[list[Figure]]]

BENCHMARKS: Mapping[str, Benchmark] = {
    "intake-sqlite": intake.measure_sqlite,
    "intake-postgres": intake.measure_postgres,
    "intake-latency": intake.measure_latency,
    "slack": slack.measure,
    "evidence": evidence.measure,
    "thread": thread.measure,
    "memory": memory.measure,
    "help": start.measure,
    "diagnosis": diagnosis.measure,
    "audit": audit.measure,
}
