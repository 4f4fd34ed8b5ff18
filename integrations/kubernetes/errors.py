"""What the API server's refusals mean to us.

The server answers failures with a `Status` object: a sentence for people, a machine-readable reason, and for invalid
objects one cause per field. All of that is kept, because the person who reads it at night cannot ask again.
"""

import json
from collections.abc import Mapping
from typing import Any

from bot.errors import AuthenticationFailed, Conflict, InvalidInput, InvalidResponse, NotFound, OncallError, Unavailable

VENDOR = "Kubernetes"


class EvictionBlocked(Unavailable):
    """A disruption budget does not allow an eviction now; `why` is its sentence. Trying again may help, later."""

    def __init__(self, message: str, why: str, retry_after: float | None) -> None:
        super().__init__(message, vendor=VENDOR, retry_after=retry_after)
        self.why = why


def _status_of(body: bytes) -> dict[str, Any]:
    try:
        status = json.loads(body)
    except ValueError:
        return {}
    return status if isinstance(status, dict) and status.get("kind") == "Status" else {}


def _retry_after(headers: Mapping[str, str], status: dict[str, Any]) -> float | None:
    value = headers.get("Retry-After") or (status.get("details") or {}).get("retryAfterSeconds")
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:  # an HTTP date: the API server writes seconds, a proxy before it might not
        return None


def _causes(status: dict[str, Any]) -> str:
    causes = (status.get("details") or {}).get("causes") or []
    texts = [f"{cause.get('field') or 'object'}: {cause.get('message', '')}" for cause in causes[:10]]
    return "; ".join(texts)


def _budget_of(status: dict[str, Any]) -> str:
    """Return what a disruption budget says against an eviction, "" when the server is just busy."""
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "DisruptionBudget":
            return str(cause.get("message") or "a PodDisruptionBudget does not allow it").rstrip(".")
    return ""


def error_of(code: int, headers: Mapping[str, str], body: bytes, what: str) -> OncallError:
    """Return the error of ours for an answer with status `code`; `what` was attempted, such as `get Pod/shop/web-1`."""
    status = _status_of(body)
    sentence = str(status.get("message") or body[:300].decode(errors="replace").strip() or f"HTTP {code}")
    message = f"Could not {what}: {sentence}"
    match code:
        case 401:
            return AuthenticationFailed(
                message, vendor=VENDOR, next_step="Check the kubeconfig's credentials or the ServiceAccount's token."
            )
        case 403:
            return AuthenticationFailed(
                message,
                vendor=VENDOR,
                next_step="Grant the ServiceAccount this verb: docs/diagnosis.md, docs/actions.md.",
            )
        case 404:
            return NotFound(message, vendor=VENDOR)
        case 409 | 410 | 412:
            return Conflict(message, next_step="Look at the object again before acting.")
        case 400 | 405 | 406 | 413 | 415 | 422:
            causes = _causes(status)
            return InvalidInput(message if not causes or causes in message else f"{message} ({causes})")
        case 429 if blocked := _budget_of(status):
            return EvictionBlocked(message, blocked, _retry_after(headers, status))
        case 429:
            return Unavailable(message, vendor=VENDOR, retry_after=_retry_after(headers, status))
        case _ if code >= 500:
            return Unavailable(message, vendor=VENDOR, retry_after=_retry_after(headers, status))
    return InvalidResponse(f"{message} (HTTP {code})", vendor=VENDOR)
