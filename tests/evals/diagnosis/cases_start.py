"""Pods that do not start: images, configuration, volumes, nodes, admission."""
# ruff: noqa: E501 - a case is one row of a table; what a program says is not broken in two.

from typing import Any

from tests.evals.diagnosis.world import IT, OTHER, SUBJECT, Case, app, pods_in
from tests.integrations.kubernetes.builders import (
    NS,
    Object,
    config_map,
    deployment,
    event,
    meta,
    node,
    pending,
    replica_set,
    template,
    waiting,
)

_IMAGES = (
    ("tag", "ErrImagePull", "rpc error: code = NotFound desc = failed to resolve reference: not found", "image.not_found"),
    ("manifest", "ImagePullBackOff", "manifest for team/quince:9 not found: manifest unknown", "image.not_found"),
    ("token", "ErrImagePull", "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized", "image.auth"),
    ("no-basic", "ErrImagePull", "Head https://registry.example/v2/: no basic auth credentials", "image.auth"),
    ("limit", "ErrImagePull", "toomanyrequests: You have reached your pull rate limit", "image.rate_limit"),
    ("status-429", "ImagePullBackOff", "unexpected status code 429 Too Many Requests", "image.rate_limit"),
    ("host", "ErrImagePull", "dial tcp: lookup registry.example: no such host", "image.unreachable"),
    ("slow", "ErrImagePull", "dial tcp 192.0.2.7:443: i/o timeout", "image.unreachable"),
    ("authority", "ErrImagePull", "x509: certificate signed by unknown authority", "image.unreachable"),
    ("name", "InvalidImageName", "couldn't parse image reference: invalid reference format", "image.invalid"),
    ("never", "ErrImageNeverPull", "Container image is not present with pull policy of Never", "image.invalid"),
)  # fmt: skip

_CREATION = (
    ("secret", "CreateContainerConfigError", 'secret "keys" not found', "config.missing_ref"),
    ("map", "CreateContainerConfigError", 'configmap "flags" not found', "config.missing_ref"),
    ("key", "CreateContainerConfigError", "couldn't find key level in ConfigMap shop/flags", "config.missing_key"),
    ("root", "CreateContainerConfigError", "container has runAsNonRoot and image will run as root", "config.nonroot"),
    ("runtime", "CreateContainerError", "failed to generate container spec: no command specified", "create.error"),
    ("command", "RunContainerError", 'exec: "/bin/x": executable file not found in $PATH', "crash.bad_command"),
)

_SETUP = (
    ("volume-map", "FailedMount", 'MountVolume.SetUp failed for volume "c": configmap "c" not found', "mount.missing_ref"),
    ("volume-key", "FailedMount", "configmap references non-existent config key: a.yaml", "mount.missing_ref"),
    ("attach", "FailedAttachVolume", 'Multi-Attach error for volume "pv-7": already used by pod(s) x', "mount.attach"),
    ("network", "FailedCreatePodSandBox", 'plugin type="calico" failed (add): no IP addresses available', "sandbox.cni"),
    ("tiny", "FailedCreatePodSandBox", "container init was OOM-killed (memory limit too low?)", "oom.init"),
)  # fmt: skip

_PLACES: tuple[tuple[str, str, Object, tuple[Object, ...], str], ...] = (
    ("cpu", "0/4 nodes are available: 1 node(s) had untolerated taint, 3 Insufficient cpu.", {}, (), "sched.insufficient"),
    ("gpu", "0/4 nodes are available: 4 Insufficient nvidia.com/gpu.", {}, (), "sched.insufficient"),
    ("pods", "0/4 nodes are available: 4 Too many pods.", {}, (), "sched.insufficient"),
    ("taint", "0/4 nodes are available: 4 node(s) had untolerated taint {team: x}.", {}, (), "sched.taint"),
    ("label", "0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector.",
     {"nodeSelector": {"disk": "nvme"}}, (), "sched.affinity"),
    ("cordon", "0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector.",
     {"nodeSelector": {"disk": "nvme"}}, (node("node-9", labels={"disk": "nvme"}, unschedulable=True),), "sched.cordoned"),
    ("apart", "0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules.", {}, (), "sched.anti_affinity"),
    ("spread", "0/4 nodes are available: 4 node(s) didn't match pod topology spread constraints.", {}, (), "sched.anti_affinity"),
    ("port", "0/4 nodes are available: 4 node(s) didn't have free ports for the requested pod ports.", {}, (), "sched.hostport"),
    ("zone", "0/4 nodes are available: 4 node(s) had volume node affinity conflict.", {}, (), "sched.volume_affinity"),
    ("claim-gone", 'persistentvolumeclaim "disk" not found', {}, (), "pvc.claim_missing"),
)  # fmt: skip

_REFUSALS = (
    ("quota", 'pods "q-" is forbidden: exceeded quota: all, requested: pods=1, used: pods=9, limited: pods=9', "quota.exceeded"),
    ("limits", 'pods "q-" is forbidden: failed quota: all: must specify limits.cpu', "quota.requires_limits"),
    ("account", 'pods "q-" is forbidden: error looking up service account shop/robot: serviceaccount "robot" not found', "admission.sa_missing"),
    ("webhook", 'Internal error occurred: failed calling webhook "v.example.io": connect: connection refused', "admission.webhook"),
    ("policy", 'pods "q-" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true', "admission.policy"),
    ("gate", 'admission webhook "deny.example.io" denied the request: image not allowed', "admission.policy"),
)  # fmt: skip


def cases() -> list[Case]:
    found = [
        Case(
            f"image-{name}",
            tuple(app(state=waiting(reason, text), status={"phase": "Pending"})),
            key,
            must_cite=(reason,),
        )
        for name, reason, text, key in _IMAGES
    ]
    found.append(Case("image-rolled-out", tuple(app(state=waiting("ErrImagePull", "code = NotFound desc = not found"),
                      before={"image": "registry.example/team/quince:7.1"})), "image.not_found", action="rollback"))  # fmt: skip
    told = app(state=waiting("ImagePullBackOff", "Back-off pulling image"))
    said = event(pods_in(told)[0], "Failed", "Failed to pull image: code = NotFound desc = not found")
    found.append(Case("image-told-by-an-event", (*told, said), "image.not_found", must_cite=("code = NotFound",)))
    found += [Case(f"create-{n}", tuple(app(state=waiting(r, t))), key, must_cite=(r,)) for n, r, t, key in _CREATION]
    found.append(Case("create-misspelt-key", (*app(state=waiting("CreateContainerConfigError",
                      "couldn't find key log_level in ConfigMap shop/flags")), config_map("flags", **{"log-level": "x"})),
                      "config.missing_key", action="patch_configmap"))  # fmt: skip
    for name, reason, text, key in _SETUP:
        objects = app(state=waiting("ContainerCreating"), status={"phase": "Pending"})
        found.append(
            Case(f"setup-{name}", (*objects, event(pods_in(objects)[0], reason, text)), key, must_cite=(text[:20],))
        )
    found += [
        Case(f"place-{name}", (*homeless(text, **spec), *more), key, must_cite=(text[:20],))
        for name, text, spec, more, key in _PLACES
    ]
    return [*found, *_claims(), *_refused(), *_others()]


def homeless(message: str, **spec: Any) -> list[Object]:
    pattern = template(labels={"app": SUBJECT}, **spec)
    owner = deployment(pattern, name=SUBJECT)
    current = replica_set(owner, pattern, 1)
    return [owner, current, pending(current, message)]


def _claims() -> list[Case]:
    rows: tuple[tuple[str, Object, Object, str], ...] = (
        ("size", {"resources": {"requests": {"storage": "80Gi"}}}, {}, "pvc.capacity"),
        ("mode", {"accessModes": ["ReadWriteMany"]}, {}, "pvc.access_mode"),
        ("selector", {"selector": {"matchLabels": {"rack": "b"}}}, {}, "pvc.selector"),
        ("class", {"storageClassName": "gold"}, {}, "pvc.class"),
        ("held", {}, {"claimRef": {"namespace": "else", "name": "y"}}, "pvc.occupied"),
    )
    found = []
    for name, wanted, offered, key in rows:
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "hand",
                "resources": {"requests": {"storage": "8Gi"}}, **wanted}  # fmt: skip
        claim = {
            "kind": "PersistentVolumeClaim",
            "metadata": meta("disk"),
            "spec": spec,
            "status": {"phase": "Pending"},
        }
        held = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "hand",
            "capacity": {"storage": "10Gi"},
            **offered,
        }
        volume = {"kind": "PersistentVolume", "metadata": {"name": "pv-1"}, "spec": held}
        known = {"kind": "StorageClass", "metadata": {"name": "hand"}, "provisioner": "kubernetes.io/no-provisioner"}
        volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "disk"}}]
        user = homeless("0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims.", volumes=volumes)
        found.append(Case(f"claim-{name}", (*user, claim, volume, known), key, never=("pvc.pending",),
                          entity=f"PersistentVolumeClaim/{NS}/disk"))  # fmt: skip
    return found


def _refused() -> list[Case]:
    found = []
    for name, text, key in _REFUSALS:
        pattern = template(labels={"app": SUBJECT})
        owner = deployment(pattern, name=SUBJECT, replicas=2)
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": text}
        current = replica_set(owner, pattern, 1, replicas=2, conditions=[failure])
        current["status"]["replicas"] = 0
        found.append(Case(f"refused-{name}", (owner, current), key, must_cite=(text[:20],)))
        by_event = replica_set(owner, pattern, 1, replicas=2)
        by_event["status"]["replicas"] = 0
        said = event(by_event, "FailedCreate", f"Error creating: {text}")
        found.append(Case(f"refused-{name}-event", (owner, by_event, said), key, must_cite=("Error creating",)))
    return found


def _others() -> list[Case]:
    alone = homeless("")
    alone[2]["status"]["conditions"] = []
    alone[2]["spec"]["schedulerName"] = "batch-planner"
    displaced = homeless("0/4 nodes are available: 4 Insufficient memory.")
    gone = {"kind": "Pod", "metadata": {"name": f"{SUBJECT}-r1-zz", "namespace": NS}}
    return [
        Case("nobody-schedules", tuple(alone), "sched.no_scheduler", must_cite=("batch-planner",)),
        Case("displaced", (*displaced, event(gone, "Preempted", "Preempted by pod 8c1 on node node-2")), "preempted",
             must_cite=("Preempted by",), never=("sched.insufficient",)),
        Case("image-beside-a-crash", (*app(state=waiting("InvalidImageName", "invalid reference format")),
             *app(OTHER)), "image.invalid", entity=IT),
    ]  # fmt: skip
