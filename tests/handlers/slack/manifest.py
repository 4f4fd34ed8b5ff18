"""The product's manifest, as the tests read it."""

from pathlib import Path

MANIFEST = Path(__file__).resolve().parents[3] / "manifest.yml"
