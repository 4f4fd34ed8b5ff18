"""`make evals`: judge all cases, print what came out, write docs/evals.md; exit code 1 below the bar."""

import sys
from pathlib import Path

from tests.evals.diagnosis.cases import failing, healthy
from tests.evals.diagnosis.report import by_family, count, misses, render
from tests.evals.diagnosis.runner import judge_all

PAGE = Path(__file__).parents[2] / "docs" / "evals.md"
ACCURACY, WRONG = 0.97, 0.02


def main() -> int:
    results = judge_all([*failing(), *healthy()])
    score = count(results)
    out = sys.stdout.write
    for family, (right, cases) in by_family(results).items():
        out(f"{family:12} {right:3} of {cases}\n")
    out(f"\nright     {score.right} of {score.cases} ({score.accuracy:.1%})\n")
    out(
        f"wrong     {score.wrong}, abstained {score.abstained}, other expectations missed {score.expectations_missed}\n"
    )
    out(f"healthy   {score.healthy}: {score.alarmed} high-severity alarms, {score.noisy} other findings\n")
    out(f"evidence  {score.resolved} of {score.citations} citations hold\n")
    total = sum(item.seconds for item in results)
    out(f"time      {total:.2f} s for all, {score.slowest_seconds * 1000:.0f} ms for the slowest\n")
    for line in misses(results):
        out(f"- {line}\n")
    PAGE.write_text(render(results))
    held = score.accuracy >= ACCURACY and score.wrong_share <= WRONG and not score.alarmed and not score.unstable
    return 0 if held and score.resolved == score.citations else 1


if __name__ == "__main__":
    raise SystemExit(main())
