"""Where the Slack app's manifest lies: inside the package when installed, beside the packages in a checkout."""

from pathlib import Path


def find_manifest() -> Path | None:
    """Return the path of manifest.yml, or None when it was not shipped."""
    here = Path(__file__).resolve().parent
    return next((place for place in (here / "manifest.yml", here.parent / "manifest.yml") if place.is_file()), None)
