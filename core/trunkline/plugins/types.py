"""Checks the types of a plugin's values, and names them in sentences."""

from inspect import iscoroutinefunction, unwrap

LONGEST_TEXT = 4_000


def find_type_fault(field: str, value: object, kind: type, *, expected: str) -> str | None:
    """Return a description of *value*, the value of *field*, if it is not of type *kind*; otherwise None.

    The check is needed because a plugin's code may never have been type-checked.
    """
    return None if isinstance(value, kind) else f"{field} is {name_type(value)}, not {expected}"


def find_text_fault(field: str, value: object) -> str | None:
    """Describe the fault if the *value* of *field* is not text of at most ``LONGEST_TEXT`` characters; otherwise None."""
    if not isinstance(value, str):
        return f"{field} is {name_type(value)}, not text"
    return None if len(value) <= LONGEST_TEXT else f"{field} is longer than {LONGEST_TEXT} characters"


def find_function_fault(
    field: str, value: object, *, is_optional: bool = True, is_async: bool = True
) -> str | None:
    """Return a description of *value*, the value of *field*, if it is not a function; otherwise None.

    An awaited function must be ``async def``, or wrap such a function.
    """
    if value is None and is_optional:
        return None
    if not callable(value):
        return f"{field} is {name_type(value)}, not a function"
    inner = unwrap(value)
    if not is_async or iscoroutinefunction(inner) or iscoroutinefunction(type(inner).__call__):
        return None
    return f"{field} is not a coroutine function; write 'async def'"


def name_type(value: object) -> str:
    """Name the type of *value* for a sentence; None is ``None``."""
    return "None" if value is None else f"a value of type {type(value).__name__}"
