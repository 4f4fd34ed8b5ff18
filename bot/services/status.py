"""Whether the parts of the bot work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.domain.base import Frozen
from bot.errors import OncallError, new_error_id

logger = structlog.get_logger(__name__)

_TIMEOUT_SECONDS = 3.0


class ComponentStatus(Frozen):
    """One part: `detail` is a sentence for a person. A part that is not `required` may fail without harm."""

    name: str
    ok: bool
    detail: str
    required: bool = True


class StatusService:
    """Runs the checks that the composition root registered, all at once, each with its own time-out."""

    def __init__(self, checks: Mapping[str, Callable[[], Awaitable[str]]], optional: frozenset[str]) -> None:
        self._checks = checks
        self._optional = optional

    async def report(self) -> list[ComponentStatus]:
        return list(await asyncio.gather(*(self._run(name) for name in self._checks)))

    async def _run(self, name: str) -> ComponentStatus:
        required = name not in self._optional
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                detail = await self._checks[name]()
        except TimeoutError:
            return ComponentStatus(name=name, ok=False, detail="It does not answer.", required=required)
        except OncallError as error:
            return ComponentStatus(name=name, ok=False, detail=error.message, required=required)
        except Exception:
            error_id = new_error_id()
            logger.exception("check_failed", component=name, error_id=error_id)
            return ComponentStatus(name=name, ok=False, detail=f"The check failed ({error_id}).", required=required)
        return ComponentStatus(name=name, ok=True, detail=detail, required=required)
