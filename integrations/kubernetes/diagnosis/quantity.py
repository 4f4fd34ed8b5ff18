"""Amounts as Kubernetes writes them, as numbers that can be compared, and back."""

import re

_QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eE][+-]?\d+|[a-zA-Z]*)$")
_FACTORS = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def amount_of(text: object) -> float | None:
    """Return `250m` as 0.25 and `64Mi` as 67108864.0; None when it is not a quantity."""
    match = _QUANTITY.match(str(text).strip()) if text is not None else None
    if match is None:
        return None
    number, suffix = match.groups()
    try:
        if suffix[:1] in {"e", "E"} and len(suffix) > 1:
            return float(number + suffix)
        factor = _FACTORS.get(suffix)
        return float(number) * factor if factor is not None else None
    except ValueError:
        return None


def memory_text(amount: float) -> str:
    """Return bytes as whole Mi or Gi, rounded up to whole Mi."""
    mebibytes = max(1, -int(-amount // 2**20))
    return f"{mebibytes // 1024}Gi" if mebibytes % 1024 == 0 else f"{mebibytes}Mi"


def cpu_text(cores: float) -> str:
    """Return cores as `2` or `750m`."""
    millis = max(1, round(cores * 1000))
    return str(millis // 1000) if millis % 1000 == 0 else f"{millis}m"
