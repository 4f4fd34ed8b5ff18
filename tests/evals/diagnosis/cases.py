"""All cases, the failing ones and the healthy ones."""

from tests.evals.diagnosis import cases_around, cases_chains, cases_crash, cases_healthy, cases_start, clusters
from tests.evals.diagnosis.world import Case


def failing() -> list[Case]:
    small = [*cases_crash.cases(), *cases_start.cases(), *cases_around.cases(), *cases_chains.cases()]
    return [*small, *(case for case in clusters.cases() if case.cause)]


def healthy() -> list[Case]:
    return [*cases_healthy.cases(), *(case for case in clusters.cases() if not case.cause)]
