"""The commands against a real, disposable cluster: TEST_KUBECONFIG names it. Without one these tests skip visibly.

What happens is what an operator does on the first day: break something in a namespace of its own, look at it, clean up.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.conftest import ROOT

KUBECONFIG = os.environ.get("TEST_KUBECONFIG")
NAMESPACE = "oncall-agent-tests"
# What each failure of `chaos` has to be called.
EXPECTED = {
    "1": ("crash.",),
    "2": ("image.",),
    "3": ("oom.",),
    "4": ("rollout.", "probe."),
    "5": ("svc.",),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("real-cluster"),
    pytest.mark.skipif(not KUBECONFIG, reason="TEST_KUBECONFIG names no cluster"),
]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def oncall(tmp_path: Path) -> Run:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=tmp_path,
            env={**kept, "PYTHONPATH": str(ROOT), "K8S_CONFIG_PATH": str(KUBECONFIG), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def diagnosis(oncall: Run) -> dict[str, Any]:
    shown = oncall("diagnose", "--namespace", NAMESPACE, "--output", "json")
    assert shown.returncode in {0, 1}, shown.stderr
    read: dict[str, Any] = json.loads(shown.stdout)
    return read


@pytest.mark.parametrize("what", EXPECTED)
def test_what_is_broken_is_found(oncall: Run, what: str) -> None:
    try:
        broken = oncall("chaos", what, "--namespace", NAMESPACE, "--yes")
        assert broken.returncode == 0, broken.stdout + broken.stderr
        deadline = time.monotonic() + 120
        keys = found_keys(oncall)
        while not any(key.startswith(EXPECTED[what]) for key in keys):
            assert time.monotonic() < deadline, f"found only {keys}"
            time.sleep(3)
            keys = found_keys(oncall)
    finally:
        cleaned = oncall("chaos", "clean", "--namespace", NAMESPACE, "--yes")
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr


def found_keys(oncall: Run) -> list[str]:
    return [finding["key"] for finding in diagnosis(oncall)["findings"]]
