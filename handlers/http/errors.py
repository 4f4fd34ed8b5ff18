"""Errors as JSON: one clear sentence, what to do next, and an id that is in the log."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from bot.errors import InvalidInput, NotAllowed, NotFound, OncallError, Unavailable, new_error_id

logger = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def error_response(
    status: int, message: str, next_step: str = "", *, error_id: str | None = None, retry_after: float | None = None
) -> web.Response:
    """Return `{"error": {"message", "next_step", "id"}}`."""
    headers = {"Retry-After": str(max(1, round(retry_after)))} if retry_after is not None else {}
    body = {"error": {"message": message, "next_step": next_step, "id": error_id or new_error_id()}}
    return web.json_response(body, status=status, headers=headers)


def status_of(error: OncallError) -> int:
    """Return the HTTP status that fits one of our errors."""
    match error:
        case InvalidInput():
            return 400
        case NotAllowed():
            return 403
        case NotFound():
            return 404
        case Unavailable():
            return 503
    return 502


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever is raised into a JSON error; a traceback goes to the log only."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        message = {404: "There is nothing at this address.", 405: "This address does not take this method."}
        return error_response(error.status, message.get(error.status, error.reason))
    except OncallError as error:
        retry_after = error.retry_after if isinstance(error, Unavailable) else None
        return error_response(status_of(error), error.message, error.next_step, retry_after=retry_after)
    except Exception:
        error_id = new_error_id()
        logger.exception("request_failed", path=request.path, error_id=error_id)
        return error_response(
            500, "Something went wrong on our side.", "Look for the id in the log.", error_id=error_id
        )
