"""The catalogue of remediation actions: the only way in which this product changes a cluster."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from bot import clock
from bot.domain.action import ActionRequest, ActionSpec, Applied, Preview, Verification
from bot.errors import InvalidInput, NotAllowed
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.command_only import WARNING, CommandOnlyCluster
from integrations.kubernetes.actions.contract import ClusterAPI, RemediationAction
from integrations.kubernetes.actions.cordon import Cordon
from integrations.kubernetes.actions.delete_pod import DeletePod
from integrations.kubernetes.actions.delete_pvc import DeletePVC
from integrations.kubernetes.actions.drain import Drain
from integrations.kubernetes.actions.evict import Evict
from integrations.kubernetes.actions.expand_pvc import ExpandPVC
from integrations.kubernetes.actions.hpa_bounds import HPABounds
from integrations.kubernetes.actions.patch_configmap import PatchConfigMap
from integrations.kubernetes.actions.patch_service import PatchService
from integrations.kubernetes.actions.rerun_job import RerunJob
from integrations.kubernetes.actions.resume_cronjob import ResumeCronJob
from integrations.kubernetes.actions.rollback import Rollback
from integrations.kubernetes.actions.rollout_restart import RolloutRestart
from integrations.kubernetes.actions.scale import Scale
from integrations.kubernetes.actions.set_env import SetEnv
from integrations.kubernetes.actions.set_image import SetImage
from integrations.kubernetes.actions.set_probe import SetProbe
from integrations.kubernetes.actions.set_resources import SetResources
from integrations.kubernetes.actions.strip_finalizer import StripFinalizer
from integrations.kubernetes.actions.suspend_cronjob import SuspendCronJob
from integrations.kubernetes.actions.uncordon import Uncordon
from integrations.kubernetes.actions.watching import Timing

ACTIONS: Final[tuple[RemediationAction[Any], ...]] = (
    RolloutRestart(),
    Rollback(),
    Scale(),
    SetImage(),
    SetEnv(),
    SetResources(),
    PatchService(),
    PatchConfigMap(),
    DeletePod(),
    SetProbe(),
    Cordon(),
    Uncordon(),
    SuspendCronJob(),
    ResumeCronJob(),
    HPABounds(),
    ExpandPVC(),
    Evict(),
    RerunJob(),
    Drain(),
    StripFinalizer(),
    DeletePVC(),
)
"""Every action there is. Being listed arms nothing: K8S_ENABLED_ACTIONS does."""


class KubernetesRemediator:
    """Implements `Remediator` over one cluster; keeps no state."""

    def __init__(
        self,
        client: ClusterAPI,
        settings: KubernetesSettings,
        now: Callable[[], datetime] = clock.now,
        poll_seconds: float = 1.0,
    ) -> None:
        """Work on the cluster behind `client`; `poll_seconds` lie between two looks of a verification."""
        self._cluster = client
        self._settings = settings
        self._now = now
        self._timing = Timing(
            timeout=settings.verify_timeout_seconds, hold=settings.verify_hold_seconds, poll=poll_seconds
        )
        self._actions = {action.name: action for action in ACTIONS}

    def specs(self) -> tuple[ActionSpec, ...]:
        """See `Remediator.specs`."""
        return tuple(action.spec() for action in self._actions.values())

    def validate(self, request: ActionRequest) -> ActionRequest:
        """See `Remediator.validate`."""
        return self._named(request).validate(request)

    async def preview(self, request: ActionRequest) -> Preview:
        """See `Remediator.preview`. Where execution is switched off, a refused dry run is a warning."""
        action = self._named(request)
        if self._settings.destructive_enabled:
            return await action.preview(self._cluster, action.validate(request), self._now)
        cluster = CommandOnlyCluster(self._cluster)
        preview = await action.preview(cluster, action.validate(request), self._now)
        return preview.model_copy(update={"warnings": (*preview.warnings, WARNING)}) if cluster.unrehearsed else preview

    async def apply(self, request: ActionRequest, preview: Preview, action_id: str) -> Applied:
        """See `Remediator.apply`. Raise NotAllowed when the settings do not arm it, whatever was approved."""
        action = self._named(request)
        if not self._settings.destructive_enabled:
            raise NotAllowed("Executing is switched off on this bot.", next_step="Run the command yourself.")
        if request.action not in self._settings.enabled_actions:
            raise NotAllowed(f"The action {request.action} is not enabled on this bot.")
        return await action.apply(self._cluster, action.validate(request), preview, action_id, self._now, self._timing)

    async def verify(self, request: ActionRequest, applied: Applied, report: Callable[[str], None]) -> Verification:
        """See `Remediator.verify`."""
        action = self._named(request)
        return await action.verify(self._cluster, action.validate(request), applied, report, self._timing)

    def _named(self, request: ActionRequest) -> RemediationAction[Any]:
        action = self._actions.get(request.action)
        if action is None:
            raise InvalidInput(f"There is no action {request.action!r}; there is {', '.join(self._actions)}.")
        return action
