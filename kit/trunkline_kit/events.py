"""Events for tests, made from the examples of their schemas."""

import copy
from collections.abc import Callable, Iterable, Mapping

from trunkline.errors import TrunklineError
from trunkline.schemas.catalog import EventType, Json

ODD_TEXTS: Mapping[str, str] = {
    "<script>alert(1)</script>": "markup",
    "'; DROP TABLE events; --": "a quote",
    "\u202eﷺ\U0001d518🏴\u200d☠️ e\u0301": "text beyond ASCII",
    "{{7*7}}${7*7}%s%n\\": "a template",
}
"""Difficult texts, each with a description."""


class EventFactory:
    """Valid payloads of every event type of the hub, from the examples of its schemas."""

    def __init__(self, list_types: Callable[[], Iterable[EventType]]) -> None:
        self._list_types = list_types

    @property
    def types(self) -> tuple[str, ...]:
        """The names of the event types, in their order."""
        return tuple(kind.name for kind in self._list_types())

    def __call__(self, type: str, **fields: Json) -> dict[str, Json]:
        """Make a payload of *type*: the schema's first example, changed by *fields*.

        Raises:
            TrunklineError: the hub has no such event type.
        """
        for kind in self._list_types():
            if kind.name == type:
                return {**copy.deepcopy(dict(kind.example)), **fields}
        msg = f"there is no event type '{type}'; there are {', '.join(self.types)}"
        raise TrunklineError(msg)
