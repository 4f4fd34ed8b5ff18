"""Structured logs: JSON in production, readable in a terminal, never a secret."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from bot.domain.redaction import redact_json
from bot.settings import LogSettings

# Their debug output repeats every request with its headers.
_QUIET = (
    "slack_sdk",
    "slack_bolt",
    "aiohttp",
    "urllib3",
    "apscheduler",
    "alembic",
    "anthropic",
    "httpx2",
    "kubernetes",
)


def _without_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Redact every value, tracebacks included."""
    redacted: EventDict = redact_json(dict(event))
    return redacted


def configure(settings: LogSettings) -> None:
    """Set up logging for this process; what libraries log by the standard module goes the same way."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if as_json:
        last: list[Processor] = [structlog.processors.format_exc_info, _without_secrets]
        renderer: Processor = structlog.processors.JSONRenderer()
    else:
        last = [structlog.processors.format_exc_info, _without_secrets]
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # Bolt warns that it ignores SLACK_BOT_TOKEN of the environment, which is what we want it to do.
    logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.ERROR)
