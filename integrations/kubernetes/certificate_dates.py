"""How long the certificates are valid that objects of the API carry: public dates, never a key.

Certificates are public: every client that connects is shown them. Their validity is kept because an expired one
explains outages that nothing else does; the bytes are not.
"""

import base64
import binascii
from datetime import datetime
from typing import Any

FIELD = "certificate"
"""Where a Secret's certificate is described: `{"notBefore": ..., "notAfter": ...}`, times as the API writes them."""
_LONGEST = 200_000


def dates_of(encoded: Any) -> dict[str, str] | None:
    """Return the validity of the first certificate of a base64 text of PEM; None for anything else."""
    if not isinstance(encoded, str) or len(encoded) > _LONGEST:
        return None
    try:
        pem = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return None
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        return None
    from cryptography import x509  # noqa: PLC0415 - slow to load, and most snapshots need it not

    try:
        found = x509.load_pem_x509_certificate(pem)
    except ValueError:
        return None
    return {
        "notBefore": found.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "notAfter": found.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def kept_dates(described: Any) -> dict[str, str] | None:
    """Return the dates that a saved snapshot holds; None for anything else."""
    names = ("notBefore", "notAfter")
    if not isinstance(described, dict):
        return None
    try:
        for name in names:
            datetime.fromisoformat(str(described.get(name)))
    except ValueError:
        return None
    return {name: str(described[name]) for name in names}


def describe_bundles(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a webhook configuration with the validity of each caBundle in its place."""
    hooks = []
    for hook in configuration.get("webhooks") or ():
        client = dict(hook.get("clientConfig") or {})
        dates = dates_of(client.pop("caBundle", None))
        if dates is not None:
            client[FIELD] = dates
        hooks.append({**hook, "clientConfig": client})
    return {**configuration, "webhooks": hooks}
