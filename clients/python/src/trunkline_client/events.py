"""Events of a client, and the position in the log up to which it has handled them."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """One event. *id* is unique and grows in the order of the log. *company_ref* is the company's reference, if it has one.

    *environment* is its company's: ``live`` or ``test``. Only a pushed event has a *cursor*, after which ``follow`` can
    continue.
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
    """A position in the log: everything up to *cursor* is handled, and after that everything up to the event *id*."""

    cursor: str | None = None
    id: int = 0


class Places(Protocol):
    """A persistent store for a client's position."""

    def load(self) -> Place:
        """Read the position that was saved last; ``Place()`` if there is none."""
        ...

    def save(self, place: Place) -> None:
        """Store *place* in one step: if the program is killed meanwhile, this or the previous position is stored."""
        ...


class PlaceFile:
    """Stores a position in a small JSON file, which is replaced in one step."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def load(self) -> Place:
        """Read the file; ``Place()`` if there is none."""
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
    """Read an envelope. Raises KeyError if it lacks a member."""
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
