"""Claims: bound to a fitting volume, or to a new one when their class can provision."""

from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster, Write
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.runner import live
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, quantity, set_condition
from sandbox.kubernetes.selectors import selector_matches
from sandbox.kubernetes.store import Change, Key

_COMPONENT = "persistentvolume-controller"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_PENDING = "FileSystemResizePending"
_BY = Write()


class VolumeController:
    """Binds PersistentVolumeClaims."""

    kinds = frozenset({"PersistentVolumeClaim", "PersistentVolume", "StorageClass", "Pod"})

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        self.cluster = cluster
        self.recorder = recorder

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind == "PersistentVolumeClaim":
            return [(change.namespace, change.name)]
        if change.kind == "Pod":
            volumes = change.after["spec"].get("volumes") or () if change.type == "ADDED" else ()
            claims = (v.get("persistentVolumeClaim", {}).get("claimName") for v in volumes)
            return [(change.namespace, name) for name in claims if name]
        found = self.cluster.store.list_of("PersistentVolumeClaim")
        return [_key(c) for c in found if c.get("status", {}).get("phase") != "Bound"]

    def reconcile(self, key: Key) -> float | None:
        claim = self.cluster.store.get("PersistentVolumeClaim", *key)
        if claim is None or not live(claim):
            return None
        if claim.get("status", {}).get("phase") == "Bound":
            self._grow(claim)
            return None
        class_name = self._class_of(claim)
        if class_name and claim["spec"].get("storageClassName") != class_name:
            claim = self.cluster.edit(
                "PersistentVolumeClaim", claim, lambda draft: draft["spec"].update({"storageClassName": class_name})
            )
        volume = self._fitting(claim, class_name) or self._provision(claim, class_name)
        if volume is None:
            self.cluster.set_status("PersistentVolumeClaim", claim, {"phase": "Pending"})
        else:
            self._bind(claim, volume)
        return None

    def _class_of(self, claim: Obj) -> str:
        stated = claim["spec"].get("storageClassName")
        if stated is not None:
            return str(stated)
        for found in self.cluster.store.list_of("StorageClass"):
            if (found["metadata"].get("annotations") or {}).get(_DEFAULT) == "true":
                return str(found["metadata"]["name"])
        return ""

    def _fitting(self, claim: Obj, class_name: str) -> Obj | None:
        asked = quantity(claim["spec"]["resources"]["requests"]["storage"])
        modes = set(claim["spec"].get("accessModes") or ())
        for volume in self.cluster.store.list_of("PersistentVolume"):
            spec = volume["spec"]
            free = volume.get("status", {}).get("phase", "Available") == "Available" and "claimRef" not in spec
            right = spec.get("storageClassName", "") == class_name and modes <= set(spec.get("accessModes") or ())
            selector = claim["spec"].get("selector")
            chosen = selector is None or selector_matches(selector, volume["metadata"].get("labels"))
            named = claim["spec"].get("volumeName") in (None, volume["metadata"]["name"])
            if free and right and chosen and named and quantity(spec["capacity"]["storage"]) >= asked:
                return volume
        return None

    def _provision(self, claim: Obj, class_name: str) -> Obj | None:
        """Make a volume of the claim's class, or say why that cannot be."""
        if not class_name or claim["spec"].get("selector") or claim["spec"].get("volumeName"):
            message = "no persistent volumes available for this claim and no storage class is set"
            self._say(claim, "FailedBinding", message, "Normal")
            return None
        storage = self.cluster.store.get("StorageClass", "", class_name)
        if storage is None:
            message = f'storageclass.storage.k8s.io "{class_name}" not found'
            self._say(claim, "ProvisioningFailed", message, "Warning")
            return None
        if storage.get("provisioner") == "kubernetes.io/no-provisioner":
            message = "no persistent volumes available for this claim and no storage class is set"
            self._say(claim, "FailedBinding", message, "Normal")
            return None
        if storage.get("volumeBindingMode") == "WaitForFirstConsumer" and not self._consumed(claim):
            message = "waiting for first consumer to be created before binding"
            self._say(claim, "WaitForFirstConsumer", message, "Normal")
            return None
        uid = claim["metadata"]["uid"]
        body = {
            "metadata": {"name": f"pvc-{uid}"},
            "spec": {
                "capacity": dict(claim["spec"]["resources"]["requests"]),
                "accessModes": list(claim["spec"].get("accessModes") or ()),
                "persistentVolumeReclaimPolicy": storage.get("reclaimPolicy", "Delete"),
                "storageClassName": class_name,
                "volumeMode": "Filesystem",
                "hostPath": {"path": f"/var/local-path/{uid}"},
            },
            "status": {"phase": "Available"},
        }
        volume = self.cluster.create(kind_named("PersistentVolume"), "", body)
        self._say(claim, "ProvisioningSucceeded", f"Successfully provisioned volume pvc-{uid}", "Normal")
        return volume

    def _consumed(self, claim: Obj) -> bool:
        name = claim["metadata"]["name"]
        for pod in self.cluster.store.list_of("Pod", claim["metadata"]["namespace"]):
            for volume in pod["spec"].get("volumes") or ():
                if volume.get("persistentVolumeClaim", {}).get("claimName") == name:
                    return True
        return False

    def _bind(self, claim: Obj, volume: Obj) -> None:
        metadata = claim["metadata"]
        reference = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "name": metadata["name"],
                     "namespace": metadata["namespace"], "uid": metadata["uid"]}  # fmt: skip
        volume = self.cluster.edit("PersistentVolume", volume, lambda draft: draft["spec"].update(claimRef=reference))
        self.cluster.set_status("PersistentVolume", volume, {"phase": "Bound"})
        name = volume["metadata"]["name"]
        claim = self.cluster.edit(
            "PersistentVolumeClaim", claim, lambda draft: draft["spec"].update(volumeName=name), _BY
        )
        capacity, modes = dict(volume["spec"]["capacity"]), list(volume["spec"].get("accessModes") or ())
        status = {"phase": "Bound", "capacity": capacity, "accessModes": modes}
        self.cluster.set_status("PersistentVolumeClaim", claim, status)

    def _grow(self, claim: Obj) -> None:
        """Grow the volume to a raised request at once, and its file system as soon as a pod mounts it."""
        asked = claim["spec"]["resources"]["requests"]["storage"]
        status = clone(claim["status"])
        if quantity(asked) <= quantity(status["capacity"]["storage"]):
            return
        volume = self.cluster.store.get("PersistentVolume", "", claim["spec"].get("volumeName") or "")
        if volume is not None and volume["spec"]["capacity"]["storage"] != asked:
            self.cluster.edit("PersistentVolume", volume, lambda draft: draft["spec"]["capacity"].update(storage=asked))
        if not self._consumed(claim):
            message = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."
            set_condition(status, _PENDING, "True", message=message)
            self.cluster.set_status("PersistentVolumeClaim", claim, status)
            return
        status["capacity"]["storage"] = asked
        left = [item for item in status.pop("conditions", None) or () if item["type"] != _PENDING]
        self.cluster.set_status("PersistentVolumeClaim", claim, {**status, **({"conditions": left} if left else {})})
        self._say(claim, "FileSystemResizeSuccessful", "MountVolume.NodeExpandVolume succeeded", "Normal")

    def _say(self, claim: Obj, reason: str, message: str, kind: str) -> None:
        self.recorder.record(claim, reason, message, component=_COMPONENT, kind=kind)


def _key(obj: Obj) -> Key:
    return (obj["metadata"]["namespace"], obj["metadata"]["name"])
