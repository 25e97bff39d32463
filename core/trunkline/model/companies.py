"""Names of a company: its id (an integer) or its reference (a text that the product chose)."""

import re

MAX_COMPANY_ID = 2**63 - 1
MAX_REFERENCE = 128
REFERENCE_FORM = f"1 to {MAX_REFERENCE} of the characters A-Z a-z 0-9 . _ : -, and not digits alone"
GIVEN_FORM = f"{REFERENCE_FORM}; no integer, and none of ., .., null, true, false, live, test and operator"
_TAKEN = frozenset({".", "..", "null", "true", "false", "live", "test", "operator"})
_REFERENCE = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_REFERENCE}}}", re.ASCII)


def is_reference(text: str) -> bool:
    """Return whether *text* has the form of a reference. Digits alone are an id, not a reference."""
    return _REFERENCE.fullmatch(text) is not None and not text.isdigit()


def may_be_given(reference: str) -> bool:
    """Return whether a company may get *reference*, which must not be an integer, a path or a reserved word."""
    is_integer = reference.lstrip("-").isdigit()
    return is_reference(reference) and not is_integer and reference.lower() not in _TAKEN


def read_name(text: str) -> int | str | None:
    """Read a company's id or reference from a header, an address or an option; None if *text* is neither."""
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= 19 and 0 < int(text) <= MAX_COMPANY_ID else None
    return text if is_reference(text) else None
