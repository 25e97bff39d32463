"""Events, and the position in the log up to which a client has handled the events."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """One event. *id* is unique and grows in the order of the log. *company_ref* is the company's reference, if it has one.

    *environment* is the company's environment, ``live`` or ``test``. *cursor* is set only in a pushed event; ``follow``
    can continue after it.
    """

    id: int
    type: str
    created_utc: str
    company_id: int
    payload: Mapping[str, Any]
    metadata: Mapping[str, Any]
    cursor: str | None = None
    company_ref: str | None = None
    environment: str = "live"


@dataclass(frozen=True, slots=True)
class Place:
    """A position in the log: the events up to *cursor*, and the following events up to the event *id*, are handled."""

    cursor: str | None = None
    id: int = 0


class Places(Protocol):
    """A persistent store for a client's position."""

    def load(self) -> Place:
        """Return the position that was saved last; ``Place()`` if none was saved."""
        ...

    def save(self, place: Place) -> None:
        """Store *place* in one step: if the program is killed meanwhile, *place* or the previous one is stored."""
        ...


class PlaceFile:
    """Stores a position in a small JSON file, which is replaced in one step."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def load(self) -> Place:
        """Read the position from the file; ``Place()`` if there is no file."""
        try:
            return Place(**json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return Place()

    def save(self, place: Place) -> None:
        """Store *place* in one step: write a new file, and rename it over the old one."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_text(json.dumps(asdict(place)))
        fresh.replace(self._path)


def read_event(envelope: Mapping[str, Any], *, cursor: str | None = None) -> Event:
    """Read an envelope. Raises KeyError if the envelope lacks a member."""
    return Event(
        id=envelope["id"],
        type=envelope["type"],
        created_utc=envelope["createdUtc"],
        company_id=envelope["companyId"],
        payload=envelope["payload"],
        metadata=envelope.get("metadata", {}),
        cursor=cursor,
        company_ref=envelope.get("companyRef"),
        environment=envelope.get("environment", "live"),
    )
