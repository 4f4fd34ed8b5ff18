"""All cases, the failing ones and the healthy ones."""

from tests.evals.diagnosis import cases_around, cases_chains, cases_crash, cases_healthy, cases_start
from tests.evals.diagnosis.world import Case


def failing() -> list[Case]:
    return [*cases_crash.cases(), *cases_start.cases(), *cases_around.cases(), *cases_chains.cases()]


def healthy() -> list[Case]:
    return cases_healthy.cases()
