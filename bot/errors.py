"""The errors that cross a boundary inside the product, sorted by what the caller should do.

    OncallError                     everything of ours; carries one sentence for a person
    ├── SettingsError               a setting is missing or malformed: stop, exit code 2
    ├── InvalidInput                a person or a request asked for something impossible: say why, change nothing
    │   └── ConfirmationNeeded      a click is not enough: ask for the typed confirmation, change nothing
    ├── NotAllowed                  the person may not do this: say so, change nothing
    ├── Conflict                    the world moved since it was looked at: look again before acting
    └── VendorError                 something outside did not do what was asked
        ├── Unavailable             try again later (`retry_after` seconds where the vendor said so)
        ├── AuthenticationFailed    a credential is wrong or lacks a permission: a person has to change it
        ├── NotFound                the thing does not exist (any more)
        └── InvalidResponse         the vendor answered something that makes no sense: do not retry

Integrations translate their vendor's exceptions into the last four, always with `raise ... from`.
"""

import secrets


class OncallError(Exception):
    """Base of every error of ours.

    `message` is one sentence that a person can read; `next_step` says what to do about it, or is empty.
    """

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class SettingsError(OncallError):
    """A setting is missing or malformed."""


class InvalidInput(OncallError):
    """What was asked for cannot be done as asked."""


class ConfirmationNeeded(InvalidInput):
    """The decision counts only with what the person has to type for it."""


class NotAllowed(OncallError):
    """The person who asked may not do this."""


class Conflict(OncallError):
    """The object changed since it was looked at."""


class VendorError(OncallError):
    """Something outside failed. `vendor` is its name as people know it, such as "PagerDuty"."""

    def __init__(self, message: str, *, vendor: str, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.vendor = vendor


class Unavailable(VendorError):
    """The vendor is away or overloaded. `retry_after` is in seconds, None when it did not say."""

    def __init__(self, message: str, *, vendor: str, retry_after: float | None = None, next_step: str = "") -> None:
        super().__init__(message, vendor=vendor, next_step=next_step)
        self.retry_after = retry_after


class AuthenticationFailed(VendorError):
    """A credential is wrong, expired or lacks a permission."""


class NotFound(VendorError):
    """The thing asked for does not exist."""


class InvalidResponse(VendorError):
    """The vendor's answer cannot be used."""


def new_error_id() -> str:
    """Return a short id that is shown to the person and written to the log, so that one finds the other."""
    return f"E-{secrets.token_hex(3).upper()}"
