"""Who else writes an object: a change behind such an owner's back is reverted, or reported as drift."""

import shlex

from integrations.kubernetes.actions.patching import Edit, Obj
from integrations.kubernetes.actions.source_change import source_fields, source_patch

_BUILT_IN_GROUPS = ("v1", "apps/", "batch/", "autoscaling/", "policy/", "discovery.k8s.io/")
_ARGO_MANAGERS = ("argocd-controller", "argocd-application-controller", "argocd")
_FLUX_MANAGERS = ("kustomize-controller", "helm-controller")


def owner_warnings(obj: Obj, edits: tuple[Edit, ...] = ()) -> tuple[str, ...]:
    """Return a sentence for each tool that owns `obj`, by labels, annotations, managedFields and ownerReferences.

    With `edits` it also says what to change at the source. Slack shows 300 characters of it, the details 600.
    """
    metadata = obj.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    managers = {entry.get("manager", "") for entry in metadata.get("managedFields") or []}
    found: list[str] = []
    if any(key.startswith("argocd.argoproj.io/") for key in (*labels, *annotations)) or managers & set(_ARGO_MANAGERS):
        found.append(
            "Argo CD owns this object: with self-healing it reverts the change. Make it in Git as well"
            + _git(obj, edits)
        )
    flux = [key for key in labels if key.endswith((".toolkit.fluxcd.io/name", ".toolkit.fluxcd.io/namespace"))]
    if flux or managers & set(_FLUX_MANAGERS):
        found.append(
            "Flux owns this object: its next reconciliation reverts the change. Make it in Git as well"
            + _git(obj, edits)
        )
    managed_by = labels.get("app.kubernetes.io/managed-by", "")
    if managed_by == "Helm" or "meta.helm.sh/release-name" in annotations or "helm" in managers:
        release = annotations.get("meta.helm.sh/release-name")
        named = f"Helm release {release}" if release else "Helm"
        found.append(
            f"{named} owns this object: the next upgrade reverts the change. Change its values as well"
            + _values(obj, edits)
        )
    for owner in metadata.get("ownerReferences") or []:
        if owner.get("controller") and not owner.get("apiVersion", "").startswith(_BUILT_IN_GROUPS):
            what = f"{owner.get('kind')} {owner.get('name')}"
            fields = source_fields(obj, edits)
            told = f", where it sets {fields}." if fields else "."
            found.append(
                f"An operator owns this object ({what}): it may revert the change. Change {what} as well{told}"
            )
    return tuple(found)


def _git(obj: Obj, edits: tuple[Edit, ...]) -> str:
    """Return which manifest becomes what."""
    manifest = f"{obj.get('kind')}/{(obj.get('metadata') or {}).get('name')}"
    if patch := source_patch(obj, edits):
        return f", in the manifest of {manifest}, as a strategic merge patch: {patch}"
    fields = source_fields(obj, edits)
    return f", in the manifest of {manifest}: {fields}." if fields else "."


def _values(obj: Obj, edits: tuple[Edit, ...]) -> str:
    """Return which values to read, and which field of the rendered object they have to change."""
    fields = source_fields(obj, edits)
    if not fields:
        return "."
    metadata = obj.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    release = annotations.get("meta.helm.sh/release-name")
    if not release:
        return f": those of its release that set {fields}."
    namespace = annotations.get("meta.helm.sh/release-namespace") or metadata.get("namespace")
    words = ["helm", "get", "values", str(release), *(["--namespace", str(namespace)] if namespace else [])]
    return f": what {shlex.join(words)} shows, and its values file, has to set {fields}."
