"""What to change so that a kind of failure does not come back, by the key of the finding."""

from collections.abc import Mapping
from types import MappingProxyType

from bot.domain.base import Frozen


class Advice(Frozen):
    """`title` completes "payment-service: ..."; the rest are short sentences for the report."""

    title: str
    long_term: tuple[str, ...]
    monitoring: tuple[str, ...]


# Looked up by the whole key first, then by its family (the part before the dot).
_ADVICE: Mapping[str, Advice] = MappingProxyType(
    {
        "crash": Advice(
            title="the container keeps crashing",
            long_term=("Add a start-up check to the pipeline that runs the image with the production configuration.",),
            monitoring=("Restart count of the container", "Available replicas of the workload"),
        ),
        "crash.missing_config_file": Advice(
            title="a configuration file is missing",
            long_term=(
                "Render and validate manifests in the pipeline, so that a dropped mount fails there and not at night.",
                "Let the application name the file and the setting it wants when it exits.",
            ),
            monitoring=("Restart count of the container", "Changes to the workload's volumes and ConfigMaps"),
        ),
        "crash.missing_env": Advice(
            title="an environment variable is missing",
            long_term=(
                "Declare required variables in one place and check them in the pipeline.",
                "Take secrets by secretKeyRef, so that a missing key stops the rollout and not the running pods.",
            ),
            monitoring=("Restart count of the container", "Rollouts that change env or envFrom"),
        ),
        "crash.liveness_kill": Advice(
            title="the liveness probe kills a container that is only slow",
            long_term=("Use a startup probe for slow starts and keep the liveness probe cheap.",),
            monitoring=("Probe failures by container", "Start-up duration"),
        ),
        "oom": Advice(
            title="it runs out of memory",
            long_term=(
                "Set requests and limits from measured use, with head room for the peak.",
                "Make the runtime respect the container's limit (heap size, worker count).",
            ),
            monitoring=("Working set against the memory limit", "OOM kills per hour"),
        ),
        "image": Advice(
            title="the image cannot be pulled",
            long_term=(
                "Deploy by digest, or check in the pipeline that the tag exists before the rollout starts.",
                "Keep a pull-through cache for images that production needs to start.",
            ),
            monitoring=("Pods waiting for an image for more than a minute", "Image pull duration and errors"),
        ),
        "config": Advice(
            title="a referenced configuration is missing",
            long_term=("Ship ConfigMaps and Secrets with the workload that needs them, in one release.",),
            monitoring=("Containers in CreateContainerConfigError",),
        ),
        "create": Advice(
            title="the container cannot be created",
            long_term=("Try the rendered pod spec on a staging cluster with the same runtime and policies.",),
            monitoring=("Containers waiting for more than a minute",),
        ),
        "mount": Advice(
            title="a volume cannot be mounted",
            long_term=("Check volume references in the pipeline against what the release ships.",),
            monitoring=("FailedMount events by workload",),
        ),
        "sched": Advice(
            title="pods cannot be scheduled",
            long_term=(
                "Right-size requests from measured use and keep head room for a rollout.",
                "Alert on pending pods before they matter.",
            ),
            monitoring=("Pods pending for more than a minute", "Allocatable minus requested, per node pool"),
        ),
        "pvc": Advice(
            title="storage is not available",
            long_term=("Name the storage class explicitly and check that it exists in every cluster.",),
            monitoring=("Claims pending for more than a minute", "Free space per volume"),
        ),
        "quota": Advice(
            title="the namespace's quota is used up",
            long_term=("Agree on a quota with room for a surge during a rollout.",),
            monitoring=("Quota use per namespace",),
        ),
        "admission": Advice(
            title="the API server refuses the pods",
            long_term=("Run the same admission policies in the pipeline.",),
            monitoring=("FailedCreate events by workload",),
        ),
        "rollout": Advice(
            title="the rollout does not finish",
            long_term=("Gate rollouts on readiness and roll back by itself when the deadline passes.",),
            monitoring=("Rollouts in progress for more than ten minutes", "Unavailable replicas"),
        ),
        "workload.zero_replicas": Advice(
            title="it is scaled to zero",
            long_term=(
                "Let one thing own the replica count (an autoscaler or the manifests), and forbid scaling by hand.",
                "Set a minimum of one replica where a Service has clients.",
            ),
            monitoring=("Desired replicas of workloads behind a Service", "Who changed the scale"),
        ),
        "svc": Advice(
            title="the Service reaches no pod",
            long_term=(
                "Check in the pipeline that every Service selects the pods of its release.",
                "Generate Service and workload labels from one place.",
            ),
            monitoring=("Ready endpoints per Service", "Connection errors at its clients"),
        ),
        "cpu": Advice(
            title="it is short of CPU",
            long_term=("Set CPU requests from measured use; scale out on utilisation before the limit throttles.",),
            monitoring=("CFS throttling ratio", "CPU use against the limit", "Latency at the 95th percentile"),
        ),
        "hpa": Advice(
            title="the autoscaler cannot do its work",
            long_term=("Give every scaled container a CPU request and keep the metrics server healthy.",),
            monitoring=("Autoscaler conditions ScalingActive and ScalingLimited",),
        ),
        "node": Advice(
            title="a node is in trouble",
            long_term=("Spread replicas over nodes and keep disruption budgets, so that one node may fail.",),
            monitoring=("Node conditions", "Pods per node and their readiness"),
        ),
        "job": Advice(
            title="a job has failed",
            long_term=("Make the job idempotent and give it a deadline and a retry budget.",),
            monitoring=("Failed jobs", "Age of the last success"),
        ),
        "dns": Advice(
            title="names cannot be resolved",
            long_term=("Run a node-local DNS cache and alert on resolver errors.",),
            monitoring=("DNS error rate", "Ready endpoints of the cluster's DNS"),
        ),
    }
)

_GENERAL = Advice(
    title="something is wrong",
    long_term=("Write down what happened in a postmortem and turn the fix into a check.",),
    monitoring=("The alert's own condition",),
)


def advice_for(key: str) -> Advice:
    """Return the advice for a finding's key, its family's, or a general one."""
    return _ADVICE.get(key) or _ADVICE.get(key.partition(".")[0]) or _GENERAL
