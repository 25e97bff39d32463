"""What pydantic finds wrong, in the words of this hub's answers."""

from collections.abc import Mapping
from typing import Any


def fault_words(fault: Mapping[str, Any]) -> str:
    """Say what *fault*, one of pydantic's, is about a field, in words that follow its name. They repeat no value."""
    if fault["type"] == "missing":
        return "is required"
    if fault["type"] == "extra_forbidden":
        return "is not known here"
    text = str(fault["msg"]).removeprefix("Value error, ")
    subject, separator, rest = text.partition(" should ")
    return f"should {rest}" if separator and " " not in subject else text
