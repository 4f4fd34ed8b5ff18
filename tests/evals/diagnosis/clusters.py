"""Whole clusters: snapshots as `oncall-agent snapshot` saves them, with what has to be said of them in one table."""

import json
from pathlib import Path

from tests.evals.diagnosis.world import Case

_FOLDER = Path(__file__).parents[1] / "clusters"


def cases() -> list[Case]:
    """Return them by name; one without a cause is healthy."""
    expected = json.loads((_FOLDER / "expected.json").read_text())
    return [
        Case(
            f"cluster-{name}",
            (),
            entry.get("cause", ""),
            entry.get("entity", ""),
            path=_FOLDER / f"{name}.json.gz",
            also_causes=tuple(entry.get("also_causes", ())),
            also_entities=tuple(entry.get("also_entities", ())),
        )
        for name, entry in sorted(expected.items())
    ]
