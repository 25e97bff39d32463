"""The W3C trace context: the header ``traceparent``, which names the trace and the parent span of a call."""

import re

TRACEPARENT = "traceparent"
_FORM = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_KNOWN_FLAGS = 0x03
"""Sampled, and random (Trace Context Level 2, §3.2.2.5)."""


def read_traceparent(text: str) -> str | None:
    """Convert *text* to version 00, which the hub sends; None if *text* is invalid and must be ignored (§3.2.2)."""
    found = _FORM.fullmatch(text)
    if found is None or (found["more"] is not None and found["version"] == "00"):
        return None
    return f"00-{found['ids']}-{int(found['flags'], 16) & _KNOWN_FLAGS:02x}"
