"""Who else writes an object: a change behind such an owner's back is reverted, or reported as drift."""

from integrations.kubernetes.actions.patching import Obj

_BUILT_IN_GROUPS = ("v1", "apps/", "batch/", "autoscaling/", "policy/", "discovery.k8s.io/")
_ARGO_MANAGERS = ("argocd-controller", "argocd-application-controller", "argocd")
_FLUX_MANAGERS = ("kustomize-controller", "helm-controller")


def owner_warnings(obj: Obj) -> tuple[str, ...]:
    """Return a sentence for each tool that owns `obj`, by labels, annotations, managedFields and ownerReferences."""
    metadata = obj.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    managers = {entry.get("manager", "") for entry in metadata.get("managedFields") or []}
    found: list[str] = []
    if any(key.startswith("argocd.argoproj.io/") for key in (*labels, *annotations)) or managers & set(_ARGO_MANAGERS):
        found.append("Argo CD owns this object: with self-healing it reverts the change. Make it in Git as well.")
    flux = [key for key in labels if key.endswith((".toolkit.fluxcd.io/name", ".toolkit.fluxcd.io/namespace"))]
    if flux or managers & set(_FLUX_MANAGERS):
        found.append("Flux owns this object: its next reconciliation reverts the change. Make it in Git as well.")
    managed_by = labels.get("app.kubernetes.io/managed-by", "")
    if managed_by == "Helm" or "meta.helm.sh/release-name" in annotations or "helm" in managers:
        release = annotations.get("meta.helm.sh/release-name")
        named = f"Helm release {release}" if release else "Helm"
        found.append(f"{named} owns this object: the next upgrade reverts the change. Change its values as well.")
    for owner in metadata.get("ownerReferences") or []:
        if owner.get("controller") and not owner.get("apiVersion", "").startswith(_BUILT_IN_GROUPS):
            what = f"{owner.get('kind')} {owner.get('name')}"
            found.append(f"An operator owns this object ({what}): it may revert the change. Change {what} as well.")
    return tuple(found)
