"""Checks the result that a channel returned: it comes from a plugin and must fit the ledger."""

import math
import re
from collections.abc import Mapping

import orjson

from trunkline.contract.targets import MASK
from trunkline.errors import BodyInvalid
from trunkline.model.deliveries import Outcome, Result
from trunkline.runtime.redaction import redact

GRACE_SECONDS = 1.0
"""Seconds that a channel has for ending an attempt by itself after the time limit, and again after the cancellation."""
KEPT_TEXT = 1024
"""Number of characters kept of a response body or an error."""
KEPT_HEADER_BYTES = 2048
"""Number of bytes, as JSON, kept of the headers of an answer that did not deliver."""
_SECRET_NAME = re.compile(r"auth|cookie|key|password|secret|session|sign|token", re.IGNORECASE)
_MAX_STATUS_CODE = 2**31 - 1


def checked(result: object) -> Result:
    """Return *result* cut to the limits of the ledger. Anything but a ``Result`` becomes a failed attempt."""
    if not isinstance(result, Result):
        return _refused(f"gave {type(result).__name__} instead of a Result")
    if not isinstance(result.outcome, Outcome):  # pyright: ignore[reportUnnecessaryIsInstance] - from a plugin
        return _refused("gave a Result without an Outcome")
    if _is_plain(result):
        return result
    return Result(
        result.outcome,
        status_code=_status_code(result.status_code),
        response_body=_text(result.response_body),
        error=_text(result.error),
        retry_after_seconds=_seconds(result.retry_after_seconds),
        sent_twice=result.sent_twice is True,
        response_headers=None if result.outcome is Outcome.DELIVERED else _headers(result.response_headers),
    )


def unusable(error: BodyInvalid) -> Result:
    """Return a failed result for a stored target that no longer fits its channel; no attempt was made."""
    faults = "; ".join(f"{fault.path} {fault.message}" for fault in error.errors)
    return Result(Outcome.RETRY, error=f"target_invalid: {faults}"[:KEPT_TEXT])


def _is_plain(result: Result) -> bool:
    """Return whether *result* is within the limits already; most are, because their body is short ASCII text."""
    body = result.response_body
    return (
        type(result.status_code) is int
        and 0 <= result.status_code <= 999
        and result.error is None
        and result.retry_after_seconds is None
        and result.response_headers is None
        and type(body) is str
        and len(body) <= KEPT_TEXT
        and body.isascii()
        and "\0" not in body
    )


def _refused(reason: str) -> Result:
    return Result(Outcome.RETRY, error=f"channel_error: {reason}")


def _status_code(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= _MAX_STATUS_CODE else None


def _text(value: object) -> str | None:
    """Cut *value*, and remove NUL and lone surrogates, which PostgreSQL's ``text`` refuses."""
    if value is None:
        return None
    return str(value)[:KEPT_TEXT].encode("utf-8", "replace").decode().replace("\0", "")


def _headers(value: object) -> dict[str, str] | None:
    """Keep the first ``KEPT_HEADER_BYTES`` of the headers, and mask values that may be secret."""
    kept: dict[str, str] = {}
    if isinstance(value, Mapping):
        size = 0
        for given, text in value.items():
            name = _text(given) or ""
            kept_text = MASK if _SECRET_NAME.search(name) else redact(_text(text) or "")
            size += len(orjson.dumps({name: kept_text}))
            if size > KEPT_HEADER_BYTES:
                break
            kept[name] = kept_text
    return kept or None


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
