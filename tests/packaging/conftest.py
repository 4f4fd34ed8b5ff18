"""The wheel, built from this checkout and installed into an environment of its own. No network."""

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*arguments: str | Path, folder: Path, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a program with nothing of this process's environment but the path to the system's tools."""
    return subprocess.run(
        [str(argument) for argument in arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", **(env or {})},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the same call as the Dockerfile."""
    target = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", target, folder=ROOT)
    assert built.returncode == 0, built.stderr
    (path,) = target.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a fresh environment and return its bin folder.

    The dependencies are those of this environment, which come from the same lock: a .pth file lends them. The wheel's
    own packages come first on the path, and this checkout is not on it.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder / "venv")
    python = folder / "venv/bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    done = run(*pip, folder=folder)
    assert done.returncode == 0, done.stderr
    (site,) = (folder / "venv/lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv/bin"


@pytest.fixture
def command(installed: Path, tmp_path: Path) -> Command:
    """Call `oncall-agent` of the installed wheel in an empty folder."""

    def call(*arguments: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        return run(installed / "oncall-agent", *arguments, folder=tmp_path, env=env)

    return call
