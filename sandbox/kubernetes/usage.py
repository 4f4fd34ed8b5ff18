"""metrics.k8s.io: what pods and nodes use right now, from what the scripts of the running containers say they use."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.kubernetes.objects import Obj, now_text, parse_time
from sandbox.kubernetes.store import Store

_WINDOW = "15.0s"


@dataclass(frozen=True, slots=True)
class Use:
    """What a container uses: cores in thousandths, bytes, and the share of CFS periods in which it was throttled."""

    millicores: float
    memory: float
    throttled: float = 0.0


@dataclass(slots=True)
class UsageBoard:
    """The kubelet writes here, the metrics API reads: use by pod uid and container name."""

    pods: dict[str, dict[str, Use]] = field(default_factory=dict)

    def note(self, uid: str, container: str, use: Use) -> None:
        self.pods.setdefault(uid, {})[container] = use

    def clear(self, uid: str, container: str | None = None) -> None:
        if container is None:
            self.pods.pop(uid, None)
        else:
            self.pods.get(uid, {}).pop(container, None)

    def pod_metrics(self, store: Store, namespace: str) -> list[Obj]:
        """Return PodMetrics of the running pods of a namespace, or of all when it is empty."""
        found = []
        for pod in store.list_of("Pod", namespace or None):
            uses = self.pods.get(pod["metadata"]["uid"])
            if not uses:
                continue
            metadata = {key: pod["metadata"][key] for key in ("name", "namespace", "labels") if key in pod["metadata"]}
            containers = [{"name": name, "usage": _shown(use)} for name, use in uses.items()]
            found.append(_stamped("PodMetrics", metadata, {"containers": containers}))
        return found

    def node_metrics(self, store: Store) -> list[Obj]:
        """Return NodeMetrics: what the pods of each node use, and the node's own housekeeping."""
        totals: dict[str, list[float]] = {}
        for pod in store.list_of("Pod"):
            total = totals.setdefault(pod["spec"].get("nodeName", ""), [120.0, 900.0 * 2**20])
            for use in self.pods.get(pod["metadata"]["uid"], {}).values():
                total[0] += use.millicores
                total[1] += use.memory
        found = []
        for node in store.list_of("Node"):
            name = node["metadata"]["name"]
            cpu, memory = totals.get(name, [120.0, 900.0 * 2**20])
            found.append(_stamped("NodeMetrics", {"name": name}, {"usage": _shown(Use(cpu, memory))}))
        return found

    def cadvisor(self, store: Store, node: str) -> str:
        """Return the CFS counters of a node's containers in the Prometheus text format."""
        lines = []
        for pod in store.list_of("Pod"):
            if pod["spec"].get("nodeName") != node:
                continue
            metadata = pod["metadata"]
            age = (datetime.now(UTC) - parse_time(metadata["creationTimestamp"])).total_seconds()
            for name, use in self.pods.get(metadata["uid"], {}).items():
                labels = f'container="{name}",namespace="{metadata["namespace"]}",pod="{metadata["name"]}"'
                periods = int(age * 10) + 100
                for counter, value in (("periods", periods), ("throttled_periods", int(periods * use.throttled))):
                    lines.append(f"container_cpu_cfs_{counter}_total{{{labels}}} {value}")
        return "\n".join(lines) + "\n"


def _stamped(kind: str, metadata: Obj, content: Obj) -> Obj:
    metadata = {**metadata, "creationTimestamp": now_text()}
    head = {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata}
    return {**head, "timestamp": now_text(), "window": _WINDOW, **content}


def _shown(use: Use) -> dict[str, str]:
    """Use as the metrics server prints it, nanocores and Ki, with the small noise every measurement has."""
    noise = random.uniform(0.985, 1.005)
    return {"cpu": f"{round(use.millicores * noise * 1e6)}n", "memory": f"{round(use.memory * noise / 1024)}Ki"}
