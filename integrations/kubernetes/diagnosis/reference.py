"""The page of what is detected, written from the code's own table: docs/diagnosis.md is this text."""

from itertools import groupby

from integrations.kubernetes.diagnosis.keys import KEYS, SYMPTOMS

_INTRODUCTION = """\
# What is detected

`oncall-agent diagnose` and every investigation judge a snapshot of the cluster with the same pure functions: the same
snapshot gives the same bytes. No model takes part.

    oncall-agent diagnose                      the namespace of K8S_NAMESPACE
    oncall-agent diagnose -n shop              another namespace
    oncall-agent diagnose -A                   all namespaces
    oncall-agent diagnose -n shop deploy/web   one object and what is around it
    oncall-agent diagnose --from DUMP          files: a folder, zip or tar of what kubectl or must-gather wrote
    oncall-agent snapshot -A -o FILE           save what is seen now, for later or for somebody else

`--output text|json|markdown|sarif` chooses the form, `--watch` looks again and again, `--at TIME` says when a dump was
taken.

Exit code 0: healthy. 1: findings, or something that looks wrong without a cause. 2: the cluster could not be read.

## How to read a finding

- `key` is one of the table below, `entity` names what has to be changed or looked at: the workload rather than its
  pods, else the Service, node, claim or autoscaler itself.
- `root` is false for a symptom that another finding explains; that finding lists it under `explains`. Keys marked
  *symptom* give way to a cause wherever there is one.
- `evidence` points to exact places: a JSON pointer into an object, event or metric, or
  `container:current|previous:line` for
  a pod's log. What stands there is quoted, redacted.
- `actions` are remediation actions with their parameters filled in from evidence, the surest first. Without one,
  `person_decides` says what has to be decided.
- Where something looks wrong and the evidence does not name the cause, there is an abstention and no guess.
- An event counts only while the object it is about still suffers from it. A Secret's values are never read; from files
  its key names are, and the dates of its certificate.

`--output json` prints `{"taken_at", "healthy", "findings": [{key, entity, root, severity, confidence, summary,
evidence: [{kind, entity, pointer, value}], explains, actions: [{action, params, risk}]}],
"abstentions": [{entity, reason}], "sources": [{name, status, detail}]}`, findings in order of rank, roots first.

## Permissions

Looking needs `get` and `list` on deployments, statefulsets, daemonsets, replicasets, jobs, cronjobs, pods, events,
services, endpointslices, ingresses, configmaps, persistentvolumeclaims, resourcequotas, limitranges and
horizontalpodautoscalers, `get` on `pods/log`, `list` on `pods` of metrics.k8s.io, and `get` and `list` on nodes; the
commands above also list networkpolicies, poddisruptionbudgets, serviceaccounts, namespaces, persistentvolumes,
storageclasses, ingressclasses, webhook configurations and `nodes` of metrics.k8s.io. What is refused shows as a source
that could not be read; the rest is judged. Nothing is needed on secrets.

## Keys

This table is generated from the code and checked by a test.

| key | meaning |
|---|---|
"""


def render_reference() -> str:
    """Return docs/diagnosis.md."""
    rows: list[str] = []
    for _, keys in groupby(KEYS, key=lambda key: key.partition(".")[0]):
        rows += [f"| `{key}` | {KEYS[key]}{' *symptom*' if key in SYMPTOMS else ''} |" for key in keys]
    return _INTRODUCTION + "\n".join(rows) + "\n"
