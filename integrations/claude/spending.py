"""What an analysis may use, and what it has used, by list price."""

from dataclasses import dataclass
from typing import Any, Final

from bot.errors import Unavailable
from bot.settings import ClaudeSettings

VENDOR: Final = "Claude"
_MAX_OUTPUT: Final = 8_000
_LEAST_OUTPUT: Final = 1_000  # with less than this left a report cannot be finished


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. Writing the cache costs a quarter more than reading plain input."""

    input: float
    output: float
    cache_read: float

    @property
    def cache_write(self) -> float:
        return self.input * 1.25


_PRICES: Final = (
    ("claude-opus-5-5", Price(4.0, 20.0, 0.20)),
    ("claude-sonnet-5-5", Price(2.0, 10.0, 0.20)),
    ("claude-fable-5-1", Price(10.0, 50.0, 1.0)),
)
_HAIKU: Final = "claude-haiku-5-5"
_HAIKU_SHORT: Final = Price(0.10, 0.50, 0.01)
_HAIKU_LONG: Final = Price(0.50, 2.50, 0.05)
_HAIKU_LIMIT: Final = 100_000
_UNKNOWN: Final = Price(10.0, 50.0, 1.0)  # an unknown model is counted as the dearest, so that the limit holds


def price_of(model: str, prompt_tokens: int) -> Price:
    """Return the list price of one request; some models cost more when the prompt is long."""
    if model.startswith(_HAIKU):
        return _HAIKU_SHORT if prompt_tokens <= _HAIKU_LIMIT else _HAIKU_LONG
    return next((price for name, price in _PRICES if model.startswith(name)), _UNKNOWN)


@dataclass(slots=True)
class Spending:
    """Counts turns, tokens and dollars of one analysis and refuses the turn that would go over a limit."""

    settings: ClaudeSettings
    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    _last_prompt: int = 0

    def begin_turn(self) -> int:
        """Count one more turn and return how many tokens it may write. Raise Unavailable when a limit is reached."""
        if self.turns >= self.settings.max_turns:
            raise self._stopped(f"after {self.turns} turns without a report (CLAUDE_MAX_TURNS)")
        tokens = self.settings.max_tokens - self.input_tokens - self.output_tokens - self._last_prompt
        if tokens < _LEAST_OUTPUT and self.turns:
            raise self._stopped(f"at its limit of {self.settings.max_tokens} tokens (CLAUDE_MAX_TOKENS)")
        price = price_of(self.settings.model, self._last_prompt)
        # The next prompt holds at least what the last one held, mostly from the cache.
        dollars = self.settings.max_cost_usd - self.cost_usd - self._last_prompt * price.cache_read / 1e6
        affordable = int(dollars / price.output * 1e6)
        if affordable < _LEAST_OUTPUT:
            raise self._stopped(f"at its limit of ${self.settings.max_cost_usd:.2f} (CLAUDE_MAX_COST_USD)")
        self.turns += 1
        return max(_LEAST_OUTPUT, min(_MAX_OUTPUT, affordable, tokens))

    @property
    def is_last_turn(self) -> bool:
        """Whether the turn that comes next is the last one."""
        return self.turns == self.settings.max_turns - 1

    def add(self, usage: Any) -> None:
        """Add the usage that the API reported for one turn."""
        written = getattr(usage, "cache_creation_input_tokens", None) or 0
        read = getattr(usage, "cache_read_input_tokens", None) or 0
        prompt = usage.input_tokens + written + read
        price = price_of(self.settings.model, prompt)
        self._last_prompt = prompt
        self.input_tokens += prompt
        self.output_tokens += usage.output_tokens
        self.cost_usd += (
            usage.input_tokens * price.input
            + written * price.cache_write
            + read * price.cache_read
            + usage.output_tokens * price.output
        ) / 1e6

    def _stopped(self, why: str) -> Unavailable:
        return Unavailable(
            f"Claude was stopped {why}.", vendor=VENDOR, next_step="The rule-based analysis stands; raise the limit."
        )
