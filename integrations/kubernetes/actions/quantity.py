"""Amounts of CPU and memory as Kubernetes writes them."""

import re
from fractions import Fraction

_QUANTITY = re.compile(
    r"(?P<number>\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,2})?", re.ASCII
)
_BINARY = {f"{letter}i": Fraction(1024) ** power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL = {
    letter: Fraction(1000) ** power for letter, power in zip("numkMGTPE", (-3, -2, -1, 1, 2, 3, 4, 5, 6), strict=True)
}


def parse_quantity(text: str) -> Fraction:
    """Return the exact amount (`250m` is 1/4, `1Ki` is 1024). Raise ValueError when it is not a quantity."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity such as 250m, 1.5 or 512Mi")
    number, suffix = Fraction(match["number"]), match["suffix"] or ""
    if not suffix:
        return number
    if scale := _BINARY.get(suffix) or _DECIMAL.get(suffix):
        return number * scale
    return number * Fraction(10) ** int(suffix[1:])


def check_amount(resource: str, text: str) -> Fraction:
    """Return the amount of `cpu`, `memory` or `ephemeral-storage`. Raise ValueError for one that nobody can mean.

    The server rounds fractions up in silence: `memory: 400m` is 0.4 bytes, and a container that never starts.
    """
    amount = parse_quantity(text)
    if amount <= 0:
        raise ValueError(f"{resource} must be more than 0")
    if resource == "cpu":
        if (amount * 1000).denominator != 1:
            raise ValueError(f"cpu {text} is finer than 1m")
    elif amount.denominator != 1:
        raise ValueError(f"{resource} {text} is a fraction of a byte: did you mean {text.rstrip('mun')}Mi?")
    return amount
