"""Snapshots from files: what kubectl and must-gather wrote about a cluster, without any access to its API."""

from integrations.kubernetes.files.limits import Limits
from integrations.kubernetes.files.loading import read_snapshot, save_snapshot

__all__ = ["Limits", "read_snapshot", "save_snapshot"]
