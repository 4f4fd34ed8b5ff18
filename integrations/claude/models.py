"""Which models a key may use."""

from bot.settings import ClaudeSettings
from integrations.claude.failures import translated


async def list_models(settings: ClaudeSettings, *, timeout_seconds: float) -> frozenset[str]:
    """Return the ids of the models; none without a key. Raise VendorError."""
    if settings.api_key is None:
        return frozenset()
    from anthropic import AsyncAnthropic  # noqa: PLC0415 - a second of import that only this command needs

    async with (
        AsyncAnthropic(
            api_key=settings.api_key.get_secret_value(),
            base_url=settings.base_url,
            max_retries=0,
            timeout=timeout_seconds,
        ) as client,
        translated(),
    ):
        return frozenset([model.id async for model in client.models.list()])
