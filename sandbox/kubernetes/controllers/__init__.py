"""The controllers that make the sandbox's cluster live: small, driven by changes, one event loop."""

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.autoscalers import AutoscalerController
from sandbox.kubernetes.controllers.cron_jobs import CronJobController
from sandbox.kubernetes.controllers.daemon_sets import DaemonSetController
from sandbox.kubernetes.controllers.deployments import DeploymentController
from sandbox.kubernetes.controllers.endpoints import EndpointsController
from sandbox.kubernetes.controllers.garbage import GarbageCollector
from sandbox.kubernetes.controllers.jobs import JobController
from sandbox.kubernetes.controllers.kubelet import Kubelet
from sandbox.kubernetes.controllers.namespaces import BudgetController, NamespaceController, QuotaController
from sandbox.kubernetes.controllers.recorder import Recorder
from sandbox.kubernetes.controllers.replica_sets import ReplicaSetController
from sandbox.kubernetes.controllers.runner import Runner
from sandbox.kubernetes.controllers.scheduler import Scheduler
from sandbox.kubernetes.controllers.stateful_sets import StatefulSetController
from sandbox.kubernetes.controllers.volumes import VolumeController
from sandbox.kubernetes.images import ImageRegistry
from sandbox.kubernetes.pod_logs import PodLogs


def start_controllers(cluster: Cluster, images: ImageRegistry, logs: PodLogs, speed: float) -> Runner:
    """Start every controller on the running event loop; `stop()` of the returned runner ends them all."""
    recorder = Recorder(cluster)
    runner = Runner(cluster, speed)
    runner.add(GarbageCollector(cluster, logs))
    runner.add(DeploymentController(cluster, recorder, speed))
    runner.add(ReplicaSetController(cluster, recorder, speed))
    runner.add(StatefulSetController(cluster, recorder, speed))
    runner.add(DaemonSetController(cluster, recorder, speed))
    runner.add(JobController(cluster, recorder, speed))
    runner.add(CronJobController(cluster, recorder))
    runner.add(NamespaceController(cluster))
    runner.add(QuotaController(cluster))
    runner.add(BudgetController(cluster))
    runner.add(VolumeController(cluster, recorder))
    runner.add(AutoscalerController(cluster, recorder, speed))
    runner.add(Scheduler(cluster, recorder))
    runner.add(EndpointsController(cluster))
    runner.add(Kubelet(cluster, recorder, images, logs, runner))
    runner.start()
    return runner
