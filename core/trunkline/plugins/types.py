"""What a value is that a plugin gave, in words for a sentence about it."""


def find_type_fault(field: str, value: object, kind: type, *, expected: str) -> str | None:
    """Say what *field* is if it is not what its annotation promises: a plugin need not be type-checked."""
    return None if isinstance(value, kind) else f"{field} is {name_type(value)}, not {expected}"


def name_type(value: object) -> str:
    """Name the type of *value* for a sentence; None is ``None``."""
    return "None" if value is None else f"a value of type {type(value).__name__}"
