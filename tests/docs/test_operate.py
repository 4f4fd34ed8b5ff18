"""What operators are told to watch, and to apply, exists."""

import re
from pathlib import Path

import yaml

from handlers.http.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("bot", "handlers", "integrations")
    for path in (ROOT / folder).rglob("*.py")
)


def section(title: str) -> str:
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None
    return match[1]


def test_every_metric_is_described_and_no_other() -> None:
    families = [family for family in Metrics().registry.collect() if family.name.startswith("oncall_")]
    real = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert set(re.findall(r"^\| `(oncall_\w+)", section("Metrics"), re.MULTILINE)) == real


def test_every_log_event_that_is_named_is_written_somewhere() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", section("Logs"), re.MULTILINE)
    events = {event for row in rows for event in re.findall(r"`(\w+)`", row)}
    assert len(events) > 5
    assert {event for event in events if f'"{event}"' not in SOURCES} == set()


def test_every_route_that_is_named_is_served_and_the_other_way_round() -> None:
    named = set(re.findall(r"^\| `((?:GET|POST) /[\w/]+)`", section("Network"), re.MULTILINE))
    added = re.findall(r'router\.add_(get|post)\("(/[\w/]+)"', SOURCES)
    assert named == {f"{method.upper()} {path}" for method, path in added}


def test_the_deployment_fits_the_image() -> None:
    ((text),) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    deployment = yaml.safe_load(text)
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {pod['securityContext']['fsGroup']}:" in dockerfile
    assert f"EXPOSE {container['ports'][0]['containerPort']}" in dockerfile
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    assert {"/data", "/tmp"} == {mount["mountPath"] for mount in container["volumeMounts"]}
    account = yaml.safe_load_all((ROOT / "deploy/rbac/service-account.yaml").read_text(encoding="utf-8"))
    names = {(item["kind"], item["metadata"]["name"]) for item in account}
    assert ("ServiceAccount", pod["serviceAccountName"]) in names
    assert ("Namespace", deployment["metadata"]["namespace"]) in names
