"""HorizontalPodAutoscalers: status and conditions, and scaling by CPU or memory utilisation within their bounds."""

import math
from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster, Write
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, is_finished, is_ready, now_text, quantity, set_condition
from sandbox.kubernetes.selectors import selector_matches
from sandbox.kubernetes.store import Change, Key

_COMPONENT = "horizontal-pod-autoscaler"
_LOOK_SECONDS = 15.0
_TOLERANCE = 0.1
_TARGETS = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})
_BY = Write(manager="horizontal-pod-autoscaler", subresource="scale")


class AutoscalerController:
    """Looks again every fifteen seconds of the cluster's time while there is an autoscaler."""

    kinds = frozenset({"HorizontalPodAutoscaler"})

    def __init__(self, cluster: Cluster, recorder: Recorder, speed: float) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.period = _LOOK_SECONDS / speed

    def keys(self, change: Change) -> Iterable[Key]:
        same = change.before is not None and change.before.get("spec") == change.after.get("spec")
        return [] if same and change.type == "MODIFIED" else [(change.namespace, change.name)]

    def reconcile(self, key: Key) -> float | None:
        scaler = self.cluster.store.get("HorizontalPodAutoscaler", *key)
        if scaler is None:
            return None
        status = clone(scaler.get("status") or {})
        self._look(scaler, status)
        self.cluster.set_status("HorizontalPodAutoscaler", scaler, status)
        return self.period

    def _look(self, scaler: Obj, status: Obj) -> None:
        namespace, reference = scaler["metadata"]["namespace"], scaler["spec"]["scaleTargetRef"]
        kind, name = reference["kind"], reference["name"]
        target = self.cluster.store.get(kind, namespace, name) if kind in _TARGETS else None
        if target is None:
            plural = f"{kind.lower()}s.apps"
            message = f'the HPA controller was unable to get the target\'s current scale: {plural} "{name}" not found'
            set_condition(status, "AbleToScale", "False", "FailedGetScale", message)
            self.recorder.record(
                scaler, "FailedGetScale", f'{plural} "{name}" not found', component=_COMPONENT, kind="Warning"
            )
            return
        current = target["spec"].get("replicas", 0)
        status["currentReplicas"] = target.get("status", {}).get("replicas", 0)
        set_condition(status, "AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
        if current == 0:
            message = "scaling is disabled since the replica count of the target is zero"
            set_condition(status, "ScalingActive", "False", "ScalingDisabled", message)
            return
        wanted = self._wanted(scaler, status, target, current)
        if wanted is not None:
            self._scale(scaler, status, target, current, wanted)

    def _wanted(self, scaler: Obj, status: Obj, target: Obj, current: int) -> int | None:
        """Return the size the metrics ask for; None when they cannot be had, which a condition then says."""
        pods = [
            pod
            for pod in self.cluster.store.list_of("Pod", scaler["metadata"]["namespace"])
            if selector_matches(target["spec"].get("selector"), pod["metadata"].get("labels")) and not is_finished(pod)
        ]
        sizes, shown = [], []
        for metric in scaler["spec"]["metrics"]:
            resource = metric.get("resource") or {}
            goal = resource.get("target", {}).get("averageUtilization")
            if goal is None:
                continue
            used, average, problem = self._utilisation(pods, resource["name"])
            if problem:
                message = f"the HPA was unable to compute the replica count: {problem}"
                set_condition(status, "ScalingActive", "False", "FailedGetResourceMetric", message)
                self.recorder.record(scaler, "FailedGetResourceMetric", problem, component=_COMPONENT, kind="Warning")
                return None
            entry = {"name": resource["name"], "current": {"averageUtilization": round(used), "averageValue": average}}
            shown.append({"type": "Resource", "resource": entry})
            ratio = used / goal
            sizes.append(current if abs(ratio - 1) <= _TOLERANCE else math.ceil(current * ratio))
        status["currentMetrics"] = shown
        message = "the HPA was able to successfully calculate a replica count from cpu resource utilization"
        set_condition(status, "ScalingActive", "True", "ValidMetricFound", message)
        return max(sizes, default=current)

    def _utilisation(self, pods: list[Obj], resource: str) -> tuple[float, str, str]:
        """Return (per cent of the requests, average per pod as a quantity, what went wrong)."""
        used = requested = 0.0
        for pod in filter(is_ready, pods):
            for container in pod["spec"]["containers"]:
                stated = ((container.get("resources") or {}).get("requests") or {}).get(resource)
                if stated is None:
                    name = container["name"]
                    return (
                        0.0,
                        "",
                        (
                            f"failed to get {resource} utilization: missing request for {resource} in container "
                            f"{name} of Pod {pod['metadata']['name']}"
                        ),
                    )
                requested += quantity(stated)
                use = self.cluster.usage.pods.get(pod["metadata"]["uid"], {}).get(container["name"])
                if use is not None:
                    used += use.millicores / 1000 if resource == "cpu" else use.memory
        if not requested:
            return (
                0.0,
                "",
                (
                    f"failed to get {resource} utilization: unable to get metrics for resource {resource}: no "
                    "metrics returned from resource metrics API"
                ),
            )
        each = used / max(1, len(pods))
        return used / requested * 100, f"{round(each * 1000)}m" if resource == "cpu" else str(round(each)), ""

    def _scale(self, scaler: Obj, status: Obj, target: Obj, current: int, wanted: int) -> None:
        low, high = scaler["spec"].get("minReplicas", 1), scaler["spec"]["maxReplicas"]
        size = max(low, min(high, wanted))
        if wanted > high:
            message = "the desired replica count is more than the maximum replica count"
            set_condition(status, "ScalingLimited", "True", "TooManyReplicas", message)
        elif wanted < low:
            message = "the desired replica count is less than the minimum replica count"
            set_condition(status, "ScalingLimited", "True", "TooFewReplicas", message)
        else:
            message = "the desired count is within the acceptable range"
            set_condition(status, "ScalingLimited", "False", "DesiredWithinRange", message)
        status["desiredReplicas"] = size
        if size == current:
            return
        try:
            metadata = target["metadata"]
            kind = kind_named(scaler["spec"]["scaleTargetRef"]["kind"])

            def resize(draft: Obj) -> Obj:
                draft["spec"]["replicas"] = size
                return draft

            self.cluster.update(kind, metadata["namespace"], metadata["name"], resize, _BY)
        except StatusError as error:
            set_condition(status, "AbleToScale", "False", "FailedUpdateScale", error.message)
            return
        status["lastScaleTime"] = now_text()
        reason = (
            "cpu resource utilization (percentage of request) " + ("above" if size > current else "below") + " target"
        )
        message = f"New size: {size}; reason: {reason}"
        self.recorder.record(scaler, "SuccessfulRescale", message, component=_COMPONENT)
