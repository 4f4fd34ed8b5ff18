"""Let a Service find its pods: change its selector or the ports that it forwards to."""

# ruff: noqa: ARG002 - the signatures are the contract's

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from bot.domain.action import ActionRequest, Applied, Check
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput
from integrations.kubernetes.actions.contract import Advice, ClusterAPI, Scene
from integrations.kubernetes.actions.grammar import (
    DNSLabel,
    PortReference,
    check_label_key,
    check_label_value,
)
from integrations.kubernetes.actions.patch_action import Change, PatchAction
from integrations.kubernetes.actions.patching import Edit, Obj, operations, read_at
from integrations.kubernetes.actions.rendering import kubectl_json_patch
from integrations.kubernetes.actions.surroundings import backends, is_ready, list_or_none, name_of, selects
from integrations.kubernetes.actions.watching import Look


def _from_pairs(value: Any) -> Any:
    """Read `[{"key": ..., "value": ...}]` as a dictionary: strict tool schemas have no dictionaries with free keys."""
    if isinstance(value, list) and all(isinstance(item, dict) and set(item) == {"key", "value"} for item in value):
        return {item["key"]: item["value"] for item in value}
    return value


_PAIRS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"key": {"type": "string"}, "value": {"type": "string"}},
        "required": ["key", "value"],
        "additionalProperties": False,
    },
}
Labels = Annotated[dict[str, str], BeforeValidator(_from_pairs), WithJsonSchema(_PAIRS)]


class ServicePort(Frozen):
    """Where one port of the Service leads."""

    name: DNSLabel | None = Field(default=None, description="name of the Service's port, where it has one")
    port: int = Field(ge=1, le=65535, strict=True, description="port that the Service serves")
    target_port: PortReference = Field(description="number or name of the container's port")
    protocol: Literal["TCP", "UDP", "SCTP"] | None = Field(default=None, description="protocol, where it changes")


class PatchServiceParams(Frozen):
    """The new selector, the new ports, or both."""

    selector: Labels | None = Field(default=None, description="labels of the pods to send traffic to; replaces all")
    ports: tuple[ServicePort, ...] = Field(default=(), description="ports to change; others stay as they are")
    restoring: bool = Field(default=False, description="true only to restore an earlier state that matched no pod")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.selector is None and not self.ports:
            raise ValueError("at least one of selector and ports has to be given")
        if self.selector is not None:
            if not self.selector:
                raise ValueError("an empty selector selects nothing")
            for key, value in self.selector.items():
                check_label_key(key)
                check_label_value(value)
        return self


class PatchService(PatchAction[PatchServiceParams]):
    """`kubectl patch service`."""

    name = "patch_service"
    summary = "Change the selector of a Service or the container ports that it forwards to."
    kinds = ("Service",)
    risk_class = "D"
    reversible = True
    verbs = ("get services", "patch services", "list pods")
    preconditions = (
        "the Service is not an ExternalName",
        "the selector matches at least one ready pod",
        "a port that is changed exists, and so does a container port that is named",
    )
    undo_words = "set the old selector and ports"
    params_model = PatchServiceParams

    async def change(self, scene: Scene, params: PatchServiceParams) -> Change:
        """See `PatchAction.change`."""
        edits: list[Edit] = []
        pre_image: dict[str, Any] = {}
        if params.selector is not None:
            edits.append(Edit(("spec", "selector"), dict(params.selector)))
            pre_image["selector"] = (scene.current.get("spec") or {}).get("selector") or {}
        existing: list[Obj] = (scene.current.get("spec") or {}).get("ports") or []
        for wanted in params.ports:
            index = _find_port(scene, existing, wanted, alone=len(params.ports) == 1)
            old = existing[index]
            path = ("spec", "ports", index)
            edits += [Edit((*path, "port"), wanted.port), Edit((*path, "targetPort"), wanted.target_port)]
            before = {"port": old["port"], "target_port": old.get("targetPort", old["port"])}
            if old.get("name"):
                before["name"] = old["name"]
            if wanted.protocol:
                edits.append(Edit((*path, "protocol"), wanted.protocol))
                before["protocol"] = old.get("protocol") or "TCP"
            pre_image.setdefault("ports", []).append(before)
        moved = tuple(edit for edit in edits if read_at(scene.current, edit.path) != edit.value)
        command = kubectl_json_patch(scene.target, operations(scene.current, moved, guarded=False))
        return Change(edits=tuple(edits), command=command, pre_image=pre_image)

    async def check(self, scene: Scene, params: PatchServiceParams) -> Advice:
        """See `PatchAction.check`."""
        spec = scene.current.get("spec") or {}
        if spec.get("type") == "ExternalName":
            raise InvalidInput(f"{scene.target} is an ExternalName: it sends no traffic to pods.")
        selector = params.selector or spec.get("selector") or {}
        pods = [
            pod
            for pod in await scene.cluster.list("Pod", scene.target.namespace)
            if selector and selects({"matchLabels": selector}, pod["metadata"].get("labels") or {})
        ]
        ready = [pod for pod in pods if is_ready(pod)]
        warnings: list[str] = []
        if not ready:
            if not params.restoring:
                raise InvalidInput(f"No ready pod has the labels {_text(selector)}: {scene.target} would lead nowhere.")
            warnings.append("No ready pod has these labels: nothing will answer.")
        warnings += _check_ports(params, pods)
        before = spec.get("selector") or {}
        if params.selector and before and params.selector != before:
            warnings.append("Connections that are open keep going to the old pods until they close.")
        fronts = await list_or_none(scene.cluster, "Ingress", scene.target.namespace)
        ingresses = [name_of(ingress) for ingress in fronts or [] if scene.target.name in backends(ingress)]
        return Advice(
            tuple(warnings),
            (
                f"{scene.target}: {len(ready)} ready pods of {len(pods)} that match {_text(selector)}",
                f"Ingress in front: {', '.join(ingresses)}" if ingresses else "no Ingress in front",
            ),
        )

    def undo(self, target: ObjectRef, params: PatchServiceParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        if "selector" in pre_image and not pre_image["selector"]:
            return None
        return ActionRequest(
            action=self.name,
            target=target,
            params={**pre_image, "restoring": True},
            reason="Undo: selector and ports as they were before.",
        )

    def describe(self, target: ObjectRef, params: PatchServiceParams) -> str:
        """See `PatchAction.describe`."""
        parts = [f"selects {_text(params.selector)}"] if params.selector else []
        parts += [f"leads port {port.port} to {_shown(port)}" for port in params.ports]
        return f"{target} now {' and '.join(parts)}."

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        params, target = self.parse(request), request.target
        spec = (await cluster.get(target)).get("spec") or {}
        kept = params.selector is None or spec.get("selector") == params.selector
        leads = {
            (port["port"], port.get("targetPort", port["port"])): port.get("protocol") or "TCP"
            for port in spec.get("ports") or []
        }
        for port in params.ports:
            spoken = leads.get((port.port, port.target_port))
            kept = kept and spoken is not None and port.protocol in {None, spoken}
        checks = [Check(name="service", passed=kept, detail="selector and ports are as they were set")]
        if not params.restoring:
            slices = await cluster.list(
                "EndpointSlice", target.namespace, label_selector=f"kubernetes.io/service-name={target.name}"
            )
            endpoints = [endpoint for part in slices for endpoint in part.get("endpoints") or []]
            ready = sum((endpoint.get("conditions") or {}).get("ready") is not False for endpoint in endpoints)
            detail = f"{ready} of {len(endpoints)} endpoints are ready"
            checks.append(Check(name="endpoints", passed=ready > 0, detail=detail))
        return Look(tuple(checks))


def _shown(port: ServicePort) -> str:
    return f"{port.target_port}{f'/{port.protocol}' if port.protocol else ''}"


def _text(labels: Any) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "nothing"


def _find_port(scene: Scene, existing: list[Obj], wanted: ServicePort, *, alone: bool) -> int:
    """Return the index of the port that is meant: by its name, else by its number, else the only one there is."""
    for index, port in enumerate(existing):
        if port.get("name") == wanted.name if wanted.name else port["port"] == wanted.port:
            return index
    if not wanted.name and alone and len(existing) == 1:
        return 0
    have = ", ".join(f"{port.get('name', '')} {port['port']}".strip() for port in existing) or "none"
    raise InvalidInput(f"{scene.target} has no port {wanted.name or wanted.port}; it has {have}.")


def _check_ports(params: PatchServiceParams, pods: list[Obj]) -> list[str]:
    declared = [port for pod in pods for item in pod["spec"]["containers"] for port in item.get("ports") or []]
    warnings: list[str] = []
    for port in params.ports:
        if isinstance(port.target_port, str):
            if pods and not params.restoring and port.target_port not in {item.get("name") for item in declared}:
                raise InvalidInput(f"No container of the selected pods has a port named {port.target_port}.")
        elif declared and port.target_port not in {item.get("containerPort") for item in declared}:
            warnings.append(f"No container of the selected pods declares port {port.target_port}.")
    return warnings
