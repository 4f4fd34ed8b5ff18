"""The failures an API server answers with, as `Status` objects with the wording clients parse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sandbox.kubernetes.kinds import Kind

PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that was refused: `field` is its path, `reason` a FieldValue* word, `message` the sentence."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


class StatusError(Exception):
    """An answer other than success; `body()` is the `Status` object that goes over the wire."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            status["details"] = self.details
        status["code"] = self.code
        return status

    @classmethod
    def not_found(cls, kind: Kind, name: str) -> Self:
        return cls(404, "NotFound", f'{kind.resource} "{name}" not found', _about(kind, name))

    @classmethod
    def already_exists(cls, kind: Kind, name: str) -> Self:
        return cls(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _about(kind, name))

    @classmethod
    def conflict(cls, kind: Kind, name: str, why: str = "") -> Self:
        why = why or "the object has been modified; please apply your changes to the latest version and try again"
        message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
        return cls(409, "Conflict", message, _about(kind, name))

    @classmethod
    def invalid(cls, kind: Kind, name: str, causes: Sequence[Cause]) -> Self:
        said = [f"{cause.field}: {cause.message}" for cause in causes]
        summary = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
        subject = f"{kind.name}.{kind.group}" if kind.group else kind.name
        details = {
            "name": name,
            **({"group": kind.group} if kind.group else {}),
            "kind": kind.name,
            "causes": [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes],
        }
        return cls(422, "Invalid", f'{subject} "{name}" is invalid: {summary}', details)

    @classmethod
    def forbidden(cls, kind: Kind, name: str, why: str) -> Self:
        subject = f'{kind.resource} "{name}"' if name else kind.resource
        return cls(403, "Forbidden", f"{subject} is forbidden: {why}", _about(kind, name))

    @classmethod
    def unauthorized(cls) -> Self:
        return cls(401, "Unauthorized", "Unauthorized")

    @classmethod
    def bad_request(cls, message: str) -> Self:
        return cls(400, "BadRequest", message)

    @classmethod
    def expired(cls, message: str) -> Self:
        return cls(410, "Expired", message)

    @classmethod
    def no_such_path(cls) -> Self:
        return cls(404, "NotFound", "the server could not find the requested resource")

    @classmethod
    def method_not_allowed(cls) -> Self:
        return cls(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    @classmethod
    def unsupported_media(cls) -> Self:
        accepted = ", ".join(PATCH_TYPES)
        message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        return cls(415, "UnsupportedMediaType", message)

    @classmethod
    def blocked_by_budget(cls, budget: str, needed: int, healthy: int) -> Self:
        message = "Cannot evict pod as it would violate the pod's disruption budget."
        cause = {
            "reason": "DisruptionBudget",
            "message": f"The disruption budget {budget} needs {needed} healthy pods and has {healthy} currently",
        }
        return cls(429, "TooManyRequests", message, {"causes": [cause]})


def _about(kind: Kind, name: str) -> dict[str, Any]:
    return {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural}
