"""Change how a container is asked whether it is well: what is named changes, the rest of the probe stays.

A probe that is missing can be added where a port says enough: over HTTP with a path or a scheme, else over TCP.
"""

from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from bot.domain.action import ActionRequest
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.domain.redaction import looks_secret
from bot.errors import InvalidInput
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.grammar import DNSLabel, PortReference, URLPath
from integrations.kubernetes.actions.patch_action import Change
from integrations.kubernetes.actions.patching import ABSENT, Edit, Obj, Path, apply_edits, operations, read_at
from integrations.kubernetes.actions.rendering import kubectl_json_patch
from integrations.kubernetes.actions.workload import (
    TEMPLATE_VERBS,
    WORKLOADS,
    WorkloadAction,
    container_path,
    require_not_paused,
    require_rolling,
)

_TIMINGS: Final = {
    "initial_delay_seconds": "initialDelaySeconds",
    "period_seconds": "periodSeconds",
    "timeout_seconds": "timeoutSeconds",
    "failure_threshold": "failureThreshold",
}
# What the server takes where nothing is set, and so what undo has to set.
_DEFAULTS: Final[Obj] = {
    "path": "/",
    "scheme": "HTTP",
    "initial_delay_seconds": 0,
    "period_seconds": 10,
    "timeout_seconds": 1,
    "failure_threshold": 3,
}
_REBUILDABLE: Final = frozenset({*_TIMINGS.values(), "successThreshold"})


class SetProbeParams(Frozen):
    """Which probe of which container; what is not named stays as it is."""

    container: DNSLabel = Field(description="name of the container")
    probe: Literal["liveness", "readiness", "startup"] = Field(description="which probe")
    port: PortReference | None = Field(default=None, description="number or name of the container's port")
    path: URLPath | None = Field(default=None, description="path of an HTTP probe, such as /healthz")
    scheme: Literal["HTTP", "HTTPS"] | None = Field(default=None, description="scheme of an HTTP probe")
    initial_delay_seconds: int | None = Field(default=None, ge=0, le=3600, strict=True)
    period_seconds: int | None = Field(default=None, ge=1, le=3600, strict=True)
    timeout_seconds: int | None = Field(default=None, ge=1, le=3600, strict=True)
    failure_threshold: int | None = Field(default=None, ge=1, le=1000, strict=True)
    remove: bool = Field(default=False, description="true: remove the probe")
    restoring: bool = Field(default=False, description="true only to restore an earlier state with an unknown port")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if bool(self.given()) == self.remove:
            raise ValueError("either what to change has to be given, or remove")
        if self.path and looks_secret("path", self.path):
            raise ValueError("the path reads like a secret, which must not be stored here")
        return self

    def given(self) -> Obj:
        """Return what is to be changed, by parameter."""
        names = ("port", "path", "scheme", *_TIMINGS)
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def field(self) -> str:
        return f"{self.probe}Probe"


class SetProbe(WorkloadAction[SetProbeParams]):
    """`kubectl patch` of one probe: `kubectl set probe` does not exist."""

    name = "set_probe"
    summary = "Change, add or remove a liveness, readiness or startup probe of a container."
    kinds = WORKLOADS
    risk_class = "D"
    reversible = True
    verbs = TEMPLATE_VERBS
    preconditions = (
        "the container exists and may have probes",
        "the rollout is not paused",
        "path and scheme only where the probe speaks HTTP, a port only where it has one",
        "a port that is named is declared",
    )
    undo_words = "set the old values, or remove the probe that was added"
    params_model = SetProbeParams

    async def change(self, scene: Scene, params: SetProbeParams) -> Change:
        """See `PatchAction.change`."""
        base = (*_probed(scene, params), params.field)
        probe = read_at(scene.current, base)
        if params.remove:
            edits: tuple[Edit, ...] = (Edit(base, ABSENT),)
            pre_image = {"present": probe is not ABSENT, "fields": None if probe is ABSENT else _rebuilt(probe)}
        else:
            places = _places(scene, params, probe)
            edits = tuple(_edit(scene.current, (*base, *places[name]), value) for name, value in params.given().items())
            old = {name: read_at(scene.current, (*base, *places[name])) for name in params.given()}
            fields = {name: _DEFAULTS.get(name) if value is ABSENT else value for name, value in old.items()}
            pre_image = {"present": probe is not ABSENT, "fields": fields}
        command = kubectl_json_patch(scene.target, operations(scene.current, edits, guarded=False))
        return Change(edits=edits, command=command, pre_image=pre_image)

    async def check(self, scene: Scene, params: SetProbeParams) -> Advice:
        """See `PatchAction.check`."""
        require_not_paused(scene)
        change = await self.change(scene, params)
        base = _probed(scene, params)
        after = read_at(apply_edits(scene.current, change.edits), (*base, params.field))
        warnings = _port_warnings(params, read_at(scene.current, base))
        if after is ABSENT:
            warnings.append(_UNWATCHED[params.probe])
            reach = f"container {params.container} has no {params.probe} probe any more"
        else:
            warnings += _timing_warnings(params, after)
            reach = f"{params.probe} probe of {params.container}: {_in_words(after)}"
        advice = await self.advise(scene, *warnings, *require_rolling(scene))
        return Advice(advice.warnings, (reach, *advice.reach))

    def undo(self, target: ObjectRef, params: SetProbeParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        old: dict[str, Any] = {"container": params.container, "probe": params.probe}
        if not pre_image["present"]:
            old["remove"] = True
        elif pre_image["fields"]:
            old |= pre_image["fields"]
            # What is set back may be exactly what was wrong: it must not be refused for that.
            old |= {"restoring": True} if isinstance(old.get("port"), str) else {}
        else:
            return None
        return ActionRequest(
            action=self.name,
            target=target,
            params=old,
            reason=f"Undo: {params.probe} probe of {params.container} as before.",
        )

    def describe(self, target: ObjectRef, params: SetProbeParams) -> str:
        """See `PatchAction.describe`."""
        what = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in params.given().items())
        done = "removed" if params.remove else f"set: {what}"
        return f"The {params.probe} probe of {target}, container {params.container}, was {done}."


_UNWATCHED: Final = {
    "liveness": "Without a liveness probe a container that hangs is not restarted.",
    "readiness": "Without a readiness probe pods get traffic as soon as they run.",
    "startup": "Without a startup probe the liveness probe begins at once: a slow start may be killed.",
}


def _probed(scene: Scene, params: SetProbeParams) -> Path:
    """Return where the container stands. Raise InvalidInput for one that may have no probes."""
    path = container_path(scene.current, params.container)
    container = read_at(scene.current, path)
    if "initContainers" in path and container.get("restartPolicy") != "Always":
        raise InvalidInput(f"{params.container} is an init container that ends: it cannot have probes.")
    return path


def _places(scene: Scene, params: SetProbeParams, probe: Any) -> dict[str, Path]:
    """Return where each parameter stands inside the probe. Raise InvalidInput where it has no place."""
    places: dict[str, Path] = {name: (field,) for name, field in _TIMINGS.items()}
    present = {} if probe is ABSENT else probe
    handler = next((name for name in ("httpGet", "tcpSocket", "grpc", "exec") if name in present), None)
    speaks_http = params.path is not None or params.scheme is not None
    if handler is None:
        if params.port is None:
            raise InvalidInput(f"{scene.target} has no {params.probe} probe in {params.container}: a port adds one.")
        handler = "httpGet" if speaks_http else "tcpSocket"
    if speaks_http and handler != "httpGet":
        raise InvalidInput(f"The {params.probe} probe of {params.container} is {handler}: it has no path or scheme.")
    if params.port is not None and handler == "exec":
        raise InvalidInput(f"The {params.probe} probe of {params.container} runs a command: it has no port.")
    if handler == "grpc" and isinstance(params.port, str):
        raise InvalidInput("A gRPC probe takes the number of a port, not its name.")
    return {**places, **{name: (handler, name) for name in ("port", "path", "scheme")}}


def _edit(current: Obj, path: Path, value: Any) -> Edit:
    """Return the edit; a delay of 0 is written as nothing, as the server does."""
    if path[-1] == "initialDelaySeconds" and value == 0 and not read_at(current, path):
        return Edit(path, read_at(current, path))
    return Edit(path, ABSENT if path[-1] == "initialDelaySeconds" and value == 0 else value)


def _rebuilt(probe: Obj) -> dict[str, Any] | None:
    """Return the parameters that add this very probe again, None for one that they cannot describe."""
    handlers = [name for name in ("httpGet", "tcpSocket") if name in probe]
    if len(handlers) != 1 or set(probe) - _REBUILDABLE - set(handlers) or probe.get("successThreshold", 1) != 1:
        return None
    handler = probe[handlers[0]]
    if set(handler) - {"port", "path", "scheme"}:
        return None
    return {**handler, **{name: probe[field] for name, field in _TIMINGS.items() if field in probe}}


def _port_warnings(params: SetProbeParams, container: Obj) -> list[str]:
    declared = container.get("ports") or []
    if isinstance(params.port, str) and params.port not in {port.get("name") for port in declared}:
        if not params.restoring:
            raise InvalidInput(f"{params.container} declares no port named {params.port}: the probe would fail.")
        return [f"{params.container} declares no port named {params.port}: the probe will fail."]
    numbers = {port.get("containerPort") for port in declared}
    if isinstance(params.port, int) and numbers and params.port not in numbers:
        return [f"{params.container} does not declare port {params.port}."]
    return []


def _timing_warnings(params: SetProbeParams, probe: Obj) -> list[str]:
    warnings = []
    if probe.get("timeoutSeconds", 1) > probe.get("periodSeconds", 10):
        warnings.append("The probe may take longer than its period.")
    if params.probe == "liveness":
        warnings.append(f"A container that fails it for {_patience(probe)} s is killed and restarted.")
    return warnings


def _patience(probe: Obj) -> int:
    return int(probe.get("periodSeconds", 10)) * int(probe.get("failureThreshold", 3))


def _in_words(probe: Obj) -> str:
    web, socket = probe.get("httpGet"), probe.get("tcpSocket")
    if web:
        what = f"{web.get('scheme', 'HTTP')} GET {web.get('path', '/')} on port {web.get('port')}"
    elif socket:
        what = f"TCP to port {socket.get('port')}"
    else:
        what = "gRPC" if "grpc" in probe else "a command"
    return (
        f"{what} every {probe.get('periodSeconds', 10)} s after {probe.get('initialDelaySeconds', 0)} s,"
        f" failed after {_patience(probe)} s"
    )
