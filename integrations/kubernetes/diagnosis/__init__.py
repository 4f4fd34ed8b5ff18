"""Deterministic diagnosis: a snapshot in, findings out."""

from integrations.kubernetes.diagnosis.citations import resolve_citation
from integrations.kubernetes.diagnosis.engine import diagnose
from integrations.kubernetes.diagnosis.keys import KEYS

__all__ = ["KEYS", "diagnose", "resolve_citation"]
