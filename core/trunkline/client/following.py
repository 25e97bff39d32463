"""``follow`` without its I/O: which page to ask for, and which events are handled."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trunkline.client import calls
from trunkline.client.calls import Call
from trunkline.client.events import Event, Place, Places, read_event


class Following:
    """The progress of one ``follow``, from the position that *places* has stored, or from *since*."""

    def __init__(
        self, places: Places | None, *, types: Iterable[str], since: str | None, wait_seconds: float
    ) -> None:
        self._places = places
        self._types = tuple(types)
        self._since = since
        self._wait_seconds = wait_seconds
        self._place = places.load() if places else Place()

    def next_page(self) -> Call:
        """Ask for the events after the position."""
        return calls.page(self._place, types=self._types, since=self._since, wait_seconds=self._wait_seconds)

    def events(self, answer: Mapping[str, Any]) -> Iterator[Event]:
        """Give the events of a page that are not handled yet; each counts as handled when the next is asked for."""
        for event in map(read_event, answer["events"]):
            if event.id > self._place.id:
                yield event
                self._move(Place(self._place.cursor, event.id))
        if answer["next_cursor"] != self._place.cursor:
            self._move(Place(answer["next_cursor"], self._place.id))

    def _move(self, place: Place) -> None:
        self._place = place
        if self._places:
            self._places.save(place)
