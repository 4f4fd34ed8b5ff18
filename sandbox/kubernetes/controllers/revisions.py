"""ControllerRevisions: the past templates of StatefulSets and DaemonSets, which `kubectl rollout undo` goes back to."""

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, owner_reference

_KIND = kind_named("ControllerRevision")


def keep_revision(cluster: Cluster, owner: Obj, name: str) -> None:
    """Make sure the owner's current template is its newest revision; drop those beyond the history limit."""
    revisions = cluster.store.owned_by(owner["metadata"]["uid"], "ControllerRevision")
    highest = max((found["revision"] for found in revisions), default=0)
    current = next((found for found in revisions if found["metadata"]["name"] == name), None)
    if current is None:
        _create(cluster, owner, name, highest + 1)
    elif current["revision"] < highest:
        cluster.edit("ControllerRevision", current, lambda draft: draft.update(revision=highest + 1))
    limit = owner["spec"].get("revisionHistoryLimit", 10) + 1
    for found in sorted(revisions, key=_number)[: max(0, len(revisions) - limit)]:
        cluster.delete(_KIND, found["metadata"]["namespace"], found["metadata"]["name"])


def _number(revision: Obj) -> int:
    return int(revision["revision"])


def _create(cluster: Cluster, owner: Obj, name: str, number: int) -> None:
    metadata = owner["metadata"]
    template = {**clone(owner["spec"]["template"]), "$patch": "replace"}
    body = {
        "metadata": {
            "name": name,
            "labels": dict(owner["spec"]["selector"].get("matchLabels") or {}),
            "annotations": dict(metadata.get("annotations") or {}),
            "ownerReferences": [owner_reference("apps/v1", owner["kind"], owner)],
        },
        "data": {"spec": {"template": template}},
        "revision": number,
    }
    cluster.create(_KIND, metadata["namespace"], body)
