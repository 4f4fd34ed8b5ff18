"""What an action is made of, and what it is given to work with."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import ValidationError

from bot.domain.action import ActionRequest, ActionSpec, Applied, Preview, Verification
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.domain.finding import RiskClass
from bot.errors import InvalidInput
from integrations.kubernetes.actions.grammar import check_target
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.watching import Look, Timing, watch

ACTION_ID = "oncall-agent.dev/action-id"
"""Annotation by which a repeated apply recognises its own work."""


class ClusterAPI(Protocol):
    """What actions need from `KubernetesClient`; it raises the same errors."""

    async def get(self, ref: ObjectRef) -> Obj: ...

    async def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Obj]: ...

    async def patch(
        self,
        ref: ObjectRef,
        body: Any,
        *,
        content_type: str = ...,
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> Obj: ...

    async def create(
        self,
        kind: str,
        namespace: str | None,
        body: Obj,
        *,
        name: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Obj: ...

    async def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
        grace_period_seconds: int | None = None,
    ) -> Obj: ...


@dataclass(frozen=True, slots=True)
class Scene:
    """The cluster, the target and the target's object as it was just read."""

    cluster: ClusterAPI
    target: ObjectRef
    current: Obj
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Advice:
    """What the check of the preconditions has to say: warnings for the approver, facts for the blast radius."""

    warnings: tuple[str, ...] = ()
    reach: tuple[str, ...] = field(default=())


P = TypeVar("P", bound=Frozen)


class RemediationAction(ABC, Generic[P]):
    """One action of the catalogue.

    The class attributes are its entry in docs/actions.md and in the tool schema that a model sees. `verbs` are the
    least permissions to carry it out, such as `patch deployments.apps`; those to look around belong to diagnosis.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    risk_class: ClassVar[RiskClass]
    reversible: ClassVar[bool]
    verbs: ClassVar[tuple[str, ...]]
    preconditions: ClassVar[tuple[str, ...]]
    undo_words: ClassVar[str]
    params_model: type[P]

    def spec(self) -> ActionSpec:
        """Return the action as people and models see it."""
        return ActionSpec(
            name=self.name,
            summary=self.summary,
            risk=self.risk_class,
            reversible=self.reversible,
            params_schema=_closed(self.params_model.model_json_schema()),
            verbs=self.verbs,
        )

    def validate(self, request: ActionRequest) -> ActionRequest:
        """Return the request with normalised parameters. Raise InvalidInput with one sentence that quotes no value.

        Parameters that nobody set stay out, so that the stored request holds what was asked for and nothing else.
        """
        check_target(self.name, request.target, self.kinds)
        stored = self.parse(request).model_dump(mode="json", exclude_defaults=True, by_alias=True)
        return request.model_copy(update={"params": stored})

    def parse(self, request: ActionRequest) -> P:
        """Return the request's parameters as the action's model. Raise InvalidInput."""
        try:
            return self.params_model.model_validate(request.params)
        except ValidationError as error:
            raise InvalidInput(f"{self.name} cannot be done as asked: {_sentence(error)}.") from None

    def risk(self, params: P) -> RiskClass:  # noqa: ARG002 - some actions are riskier with some parameters
        """Return the risk of this very request."""
        return self.risk_class

    @abstractmethod
    async def preview(self, cluster: ClusterAPI, request: ActionRequest, now: Callable[[], datetime]) -> Preview:
        """Look, check the preconditions and dry-run."""

    @abstractmethod
    async def apply(
        self,
        cluster: ClusterAPI,
        request: ActionRequest,
        preview: Preview,
        action_id: str,
        now: Callable[[], datetime],
        timing: Timing,
    ) -> Applied:
        """Carry it out once."""

    @abstractmethod
    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """Look once whether it helped. `verify` repeats it until all is well and stays well."""

    def subject(self, request: ActionRequest, applied: Applied) -> str:  # noqa: ARG002 - some make something new
        """Return what is looked at, as verdicts name it."""
        return str(request.target)

    async def verify(
        self,
        cluster: ClusterAPI,
        request: ActionRequest,
        applied: Applied,
        report: Callable[[str], None],
        timing: Timing,
    ) -> Verification:
        """See `Remediator.verify`."""

        async def look() -> Look:
            return await self.look(cluster, request, applied)

        return await watch(look, timing, report, subject=self.subject(request, applied))


def _sentence(error: ValidationError) -> str:
    """Say what is wrong without quoting the input: it may hold what nobody may see."""
    parts = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {what}" if where else what)
    return "; ".join(parts)


def _closed(schema: Obj) -> Obj:
    """Inline references and drop titles: small, and without anything that strict tool schemas do not know."""
    definitions = schema.pop("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = definitions[node["$ref"].rpartition("/")[2]]
            return walk({**target, **{key: value for key, value in node.items() if key != "$ref"}})
        if options := [option for option in node.get("anyOf") or [] if option.get("type") == "null"]:
            others = [option for option in node["anyOf"] if option not in options]
            if len(others) == 1:  # what is optional is left out: strict tool schemas may hold few unions
                return walk({**others[0], **{key: value for key, value in node.items() if key != "anyOf"}})
        kept = {
            key: {name: walk(item) for name, item in value.items()} if key == "properties" else walk(value)
            for key, value in node.items()
            if key not in {"title", "default"}
        }
        if kept.get("type") == "object":
            kept.setdefault("properties", {})
            kept["additionalProperties"] = False
        return kept

    closed: Obj = walk(schema)
    closed.pop("description", None)  # the model's docstring speaks to its reader, the spec's summary to the tool's
    return closed
