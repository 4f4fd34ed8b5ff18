"""Reading a dump costs a small multiple of what parsing its JSON costs, and YAML uses the fast parser."""

import io
import json
import time
from collections.abc import Callable

import pytest
import yaml

from integrations.kubernetes.files import documents, read_snapshot
from tests.integrations.kubernetes.builders import RUNNING, Object, ago, container, deployment, pod, template

PODS = 500


def running_pods(count: int) -> list[Object]:
    """Pods as large as a cluster's own: conditions, tolerations, environment, managed fields."""
    environment = [{"name": f"SETTING_{n}", "value": f"value {n}"} for n in range(10)]
    owner = deployment(template(container(env=environment), container("proxy")))
    changed: Object = {
        "f:status": {"f:conditions": {f'k:{{"type":"{n}"}}': {".": {}, "f:status": {}} for n in range(8)}}
    }
    pods = []
    for number in range(count):
        item = pod(owner, RUNNING, suffix=f"x{number}", ready=True)
        kinds = ("Ready", "Initialized", "ContainersReady", "PodScheduled")
        item["status"]["conditions"] = [
            {"type": kind, "status": "True", "lastTransitionTime": ago(number), "lastProbeTime": None} for kind in kinds
        ]
        item["spec"]["tolerations"] = [{"key": "a", "operator": "Exists", "tolerationSeconds": 300}] * 2
        item["metadata"]["managedFields"] = [{"manager": "kubelet", "time": ago(50), "fieldsV1": changed}]
        pods.append(item)
    return pods


def timed(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def test_reading_json_costs_a_small_multiple_of_parsing_it() -> None:
    content = json.dumps({"kind": "List", "items": running_pods(PODS)}).encode()
    assert len(read_snapshot(io.BytesIO(content)).objects) == PODS
    parsing = timed(lambda: json.loads(content))
    reading = timed(lambda: read_snapshot(io.BytesIO(content)))
    assert reading < 8 * parsing, f"{reading / parsing:.1f} x json.loads"


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="PyYAML was built without libyaml")
def test_yaml_is_read_by_the_fast_parser() -> None:
    content = yaml.safe_dump({"kind": "List", "items": running_pods(20)}).encode()
    plain = timed(lambda: yaml.load(content, Loader=yaml.SafeLoader))
    reading = timed(lambda: read_snapshot(io.BytesIO(content)))
    assert issubclass(documents._Loader, yaml.CSafeLoader)
    assert reading < plain
