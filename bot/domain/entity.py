"""What a finding is about and an action works on: one object of the cluster."""

from typing import Self

from bot.domain.base import Frozen

CLUSTER_SCOPED = frozenset(
    {"Node", "Namespace", "PersistentVolume", "StorageClass", "IngressClass", "PriorityClass", "ClusterRole"}
)


class ObjectRef(Frozen):
    """`Kind/namespace/name`, or `Kind/name` for what is cluster-scoped."""

    kind: str
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the form that `str` writes. Raise ValueError for anything else."""
        match text.split("/"):
            case [kind, name] if kind and name:
                return cls(kind=kind, name=name)
            case [kind, namespace, name] if kind and namespace and name:
                return cls(kind=kind, namespace=namespace, name=name)
        raise ValueError(f"{text!r} is not Kind/name or Kind/namespace/name")

    @property
    def short(self) -> str:
        """`kind/name` as kubectl writes it."""
        return f"{self.kind.lower()}/{self.name}"
