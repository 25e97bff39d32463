"""Event types and the judging of payloads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any
"""JSON data as Python's own types."""


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event. *schema* is a JSON Schema (draft 2020-12) of the payload, with at least one valid example."""

    name: str
    title: str
    description: str
    schema: Mapping[str, Json] = field(repr=False)
    version: int = 1
    deprecated: bool = False

    @property
    def example(self) -> Json:
        """The first example of the payload."""
        return self.schema["examples"][0]
