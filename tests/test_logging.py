"""Logs say what happened and never a secret."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from bot.logging import configure
from bot.settings import LogSettings


@contextmanager
def configured(log_format: str) -> Iterator[None]:
    """Configure inside the test, because the handler keeps the stream that is captured now."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure(LogSettings(LOG_FORMAT=log_format))
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def fail() -> None:
    raise ValueError("no route to postgresql://bot:canary-5@db/oncall")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_way_into_the_log_takes_a_secret_along(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    with configured(log_format):
        logger = structlog.get_logger("bot.test")
        logger.info("text", message="password=canary-1 is wrong")
        logger.info("named", api_token="canary-2")
        logger.info("nested", body={"headers": [{"Authorization": "Bearer canary-3-0123456789"}]})
        logging.getLogger("library").warning("token=%s", "canary-4")
        try:
            fail()
        except ValueError:
            logger.exception("failed")
    written = capsys.readouterr().err
    assert "canary" not in written
    assert "ValueError" in written
    assert written.count("[redacted]") >= 5


def test_json_is_one_object_a_line_and_keeps_what_is_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    with configured("json"):
        structlog.get_logger("bot.test").info("audit_checkpoint", seq=12, hash="ab" * 32, incident="INC-1")
    [line] = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["seq"], entry["hash"]) == ("audit_checkpoint", 12, "ab" * 32)
    assert entry["timestamp"].endswith("Z")
