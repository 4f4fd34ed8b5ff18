"""Counting results and writing docs/evals.md."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tests.evals.diagnosis.runner import Result


@dataclass(frozen=True, slots=True)
class Score:
    """What the bar is held against; shares are between 0 and 1."""

    cases: int
    right: int
    wrong: int
    abstained: int
    healthy: int
    alarmed: int
    noisy: int
    citations: int
    resolved: int
    expectations_missed: int
    unstable: int
    slowest_seconds: float
    clusters: int

    @property
    def accuracy(self) -> float:
        return self.right / self.cases if self.cases else 0.0

    @property
    def wrong_share(self) -> float:
        return self.wrong / self.cases if self.cases else 0.0


def count(results: Sequence[Result]) -> Score:
    ill = [item for item in results if item.case.cause]
    well = [item for item in results if not item.case.cause]
    return Score(
        cases=len(ill),
        right=sum(item.verdict == "right" for item in ill),
        wrong=sum(item.verdict == "wrong" for item in ill),
        abstained=sum(item.verdict == "abstained" for item in ill),
        healthy=len(well),
        alarmed=sum(item.verdict == "alarmed" for item in well),
        noisy=sum(item.verdict == "noisy" for item in well),
        citations=sum(item.cited for item in results),
        resolved=sum(item.resolved for item in results),
        expectations_missed=sum(bool(item.complaints) for item in ill),
        unstable=sum(not item.stable for item in results),
        slowest_seconds=max((item.seconds for item in results), default=0.0),
        clusters=sum(item.case.path is not None for item in results),
    )


def by_family(results: Sequence[Result]) -> dict[str, tuple[int, int]]:
    """Return right answers and cases of every family, by name."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for item in results:
        if item.case.cause:
            found[item.case.family][0] += item.verdict == "right"
            found[item.case.family][1] += 1
    return {family: (right, cases) for family, (right, cases) in sorted(found.items())}


def calibration(results: Sequence[Result]) -> list[tuple[str, int, int]]:
    """Return, for each band of the first answer's confidence, how many answers there were and how many were right."""
    bands = (("0.9 and more", 0.9, 1.01), ("0.8 to 0.9", 0.8, 0.9), ("0.6 to 0.8", 0.6, 0.8), ("below 0.6", 0.0, 0.6))
    rows = []
    for name, least, most in bands:
        inside = [item for item in results if item.case.cause and item.confidence and least <= item.confidence < most]
        rows.append((name, len(inside), sum(item.verdict == "right" for item in inside)))
    return rows


def misses(results: Sequence[Result]) -> list[str]:
    """Return a line for every case that did not come out as it should."""
    lines = []
    for item in results:
        if item.verdict not in {"right", "silent"} or item.complaints or not item.stable:
            wanted = f"{item.case.cause} {item.case.entity}" if item.case.cause else "nothing"
            lines.append(
                f"{item.verdict}: {item.case.name}: wanted {wanted}, got {item.answer} {item.complaints or ''}"
            )
    return lines


def render(results: Sequence[Result]) -> str:
    """Return docs/evals.md. Times are left out: they belong to the machine, not to the page."""
    score = count(results)
    rows = "\n".join(f"| {family} | {right} | {cases} |" for family, (right, cases) in by_family(results).items())
    bands = "\n".join(f"| {name} | {cases} | {right} |" for name, cases, right in calibration(results) if cases)
    wrong = "\n".join(f"- {line}" for line in misses(results)) or "None."
    return f"""# How well the diagnosis does

`make evals` judges {score.cases} failing and {score.healthy} healthy snapshots written for this project and writes this
page. Most are small (`tests/evals/diagnosis/`): one fault among healthy neighbours whose events are loud and over.
{score.clusters} are whole clusters (`tests/evals/clusters/`), written without sight of the rules: those that
the rules got wrong at first, and healthy ones. An answer is right when the first root has both the right key and the
right entity.

| measure | value | bar |
|---|---|---|
| right | {score.right} of {score.cases} ({score.accuracy:.1%}) | 97 % |
| wrong | {score.wrong} ({score.wrong_share:.1%}) | 2 % at most |
| abstained | {score.abstained} | |
| other expectations missed (evidence, action, what must not be said) | {score.expectations_missed} | |
| high-severity alarms on healthy clusters | {score.alarmed} of {score.healthy} | 0 |
| other findings on healthy clusters | {score.noisy} of {score.healthy} | |
| citations that hold the quoted value | {score.resolved} of {score.citations} | all |
| answers that depend on the order of the input | {score.unstable} | 0 |

These cases grew together with the rules, so they say that nothing broke rather than how unseen clusters fare.

## By family

| family | right | cases |
|---|---|---|
{rows}

## What a confidence is worth

| confidence of the first answer | answers | right |
|---|---|---|
{bands}

## Not as expected

{wrong}
"""
