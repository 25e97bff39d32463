"""Converts between a subscription's options for limits and retries, and the texts of the form's fields."""

from collections.abc import Mapping
from typing import Any

from trunkline import FieldError, Json

NAMES = ("timeout_seconds", "retry", "rate", "max_in_flight")
FOR = "for "
"""Prefix of the text for a total retry time; without it, the text lists the waits between retries."""


def texts(view: Mapping[str, Any]) -> dict[str, str]:
    """Write a subscription's options as text for the form's fields; an empty field means the deployment's default."""
    return {name: _text(view[name]) for name in NAMES}


def _text(value: Json) -> str:
    if isinstance(value, dict):
        return (
            FOR + _text(value["for_seconds"])
            if "for_seconds" in value
            else ", ".join(map(_text, value["schedule_seconds"])) or "none"
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def options(texts: Mapping[str, str], faults: list[FieldError]) -> dict[str, Json]:
    """Read the options from their fields; invalid numbers are added to *faults*."""
    text = texts.get("retry")
    retry: Json = None
    if text == "none":
        retry = {"schedule_seconds": []}
    elif text and text.startswith(FOR):
        retry = {"for_seconds": _number("/retry", text.removeprefix(FOR), faults)}
    elif text:
        retry = {"schedule_seconds": [_number("/retry", wait, faults) for wait in text.split(",")]}
    return {
        "timeout_seconds": _optional("timeout_seconds", texts, faults),
        "retry": retry,
        "rate": texts.get("rate") or None,
        "max_in_flight": _optional("max_in_flight", texts, faults),
    }


def _optional(name: str, texts: Mapping[str, str], faults: list[FieldError]) -> float | None:
    text = texts.get(name)
    return _number(f"/{name}", text, faults) if text else None


def _number(path: str, text: str, faults: list[FieldError]) -> float:
    is_plain = text.isascii() and "_" not in text
    try:
        number = float(text if is_plain else "")
    except ValueError:
        faults.append(FieldError(path, f"must have a number in place of “{text.strip()[:60]}”"))
        return 0
    return int(number) if number.is_integer() else number
