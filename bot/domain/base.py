"""What all domain types share."""

import hashlib
import json
import secrets
from typing import Any

from pydantic import BaseModel, ConfigDict

# Crockford's base 32 without vowels that form words: ids that a tired person can read aloud and type.
_ALPHABET = "0123456789BCDFGHJKMNPQRSTVWXYZ"


class Frozen(BaseModel):
    """An immutable value. Unknown fields are refused, so that a typo is an error and not a silent loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def new_id(prefix: str, length: int = 10) -> str:
    """Return an id such as `INC-7K2M9QX4TD`; 10 characters carry 49 bits."""
    return f"{prefix}-{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value`: sorted keys, no blanks, UTF-8 as it is, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def printable(value: Any) -> Any:
    """Return a copy of a JSON value whose texts every database takes: without NUL and halves of surrogate pairs."""
    match value:
        case str():
            return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
        case dict():
            return {printable(key): printable(item) for key, item in value.items()}
        case list() | tuple():
            return [printable(item) for item in value]
    return value


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value` as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
