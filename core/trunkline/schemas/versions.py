"""Versions of event types side by side: an event stored in one version is read in another. Pure.

An event is stored once, in the version against which it was validated. Each reader chooses a version of its type.
*Casters*, which plugins register, convert between successive versions. A reader's choice is a set of *pins*, which map
event types to versions; version 1 is left out.
"""

import itertools
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import orjson
from msgspec import Struct

from trunkline.errors import SchemaInvalid, unknown_name
from trunkline.model.events import Event
from trunkline.schemas.catalog import Json, SchemaCatalog

Pins = Mapping[str, int]
"""Maps event types to the versions that a reader has chosen; a type that is not in it is read in version 1."""
Cast = Callable[[dict[str, Json]], dict[str, Json]]

HEADER = "Trunkline-Versions"
_HEADER = re.compile(r"1(?: ?, ?[a-z][a-z0-9_.]*:[1-9][0-9]{0,8})*", re.ASCII)
_REMEMBERED = 2048
_log = logging.getLogger(__name__)
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Caster:
    """Converts payloads of *event_type* from one version to the next or the previous: up (1 to 2) or down (2 to 1).

    *cast* is a pure function: it gets a copy of a payload that is valid in *from_version*, and returns a payload that
    is valid in *to_version*. The same payload always gives the same result. Fractions are ``Decimal``, with the digits
    as received.
    """

    event_type: str
    from_version: int
    to_version: int
    cast: Cast


class Uncast(Struct, frozen=True):
    """An event that a caster could not convert to the requested version."""

    event_type: str
    from_version: int
    to_version: int
    reason: str


def pins_of(catalog: SchemaCatalog, names: Iterable[str] | None = None) -> dict[str, int]:
    """Return the pins of a new reader of the types *names* (all if None): their current versions in *catalog*."""
    current = {kind.name: kind.version for kind in catalog.types()}
    chosen = current if names is None else [name for name in names if name in current]
    return {name: current[name] for name in chosen if current[name] > 1}


class SchemaVersions:
    """Reads events in the version that their reader has pinned.

    A type with one version costs only a dictionary look-up. A converted event is cached for the next reader. The
    function *tell* is called for every event that could not be converted.

    Raises SchemaInvalid: a caster's versions do not exist, two casters make the same conversion, or a caster is missing.
    """

    def __init__(
        self,
        catalog: SchemaCatalog,
        casters: Iterable[Caster] = (),
        *,
        tell: Callable[[Uncast], None] = lambda _: None,
    ) -> None:
        self._catalog = catalog
        self._tell = tell
        self._several = {name: kept for name in catalog.names() if len(kept := catalog.versions(name)) > 1}
        self._casts = steps_of(casters, catalog)
        self._cast_bodies: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        for name, kept in self._several.items():
            if missing := find_missing(name, kept, self._casts):
                raise SchemaInvalid(name, missing)

    def pins(self, names: Iterable[str] | None = None) -> dict[str, int]:
        """Return the pins of a new reader of the types *names* (all if None): their current versions."""
        return pins_of(self._catalog, names)

    def chosen(self, name: str, pins: Pins) -> int:
        """Return the version in which a reader with *pins* gets the type *name*: the pinned version, if it exists.

        A reader of a removed version gets the oldest newer version, a reader of a future version the newest version.
        """
        return choose(self._catalog.versions(name), pins.get(name, 1))

    def fault(self, name: str, version: Any) -> str | None:
        """Return the reason why *version* of the type *name* cannot be chosen; None if it can, or if it existed once."""
        kept = self._catalog.versions(name)
        if not kept:
            return unknown_name("event type", name, self._catalog.names(), corrects=False)
        if type(version) is int and 1 <= version <= kept[-1]:
            return None
        there = "there is only version" if len(kept) == 1 else "there are the versions"
        return f"is not a version of {name}; {there} {', '.join(map(str, kept))}"

    def body(self, event: Event, pins: Pins | None) -> bytes:
        """Return the envelope of *event*, converted to the version in *pins*; the stored envelope if *pins* is None.

        If no caster can convert the event, or if its own version was removed, the stored envelope is returned too, so
        that no reader misses the event.
        """
        if pins is None or event.type not in self._several:
            return event.body
        version = self.chosen(event.type, pins)
        if version == event.version or event.version not in self._several[event.type]:
            return event.body
        key = (event.position, version)
        body = self._cast_bodies.get(key)
        if body is None:
            body = self._cast_bodies[key] = self._cast(event, version)
            if len(self._cast_bodies) > _REMEMBERED:
                self._cast_bodies.popitem(last=False)
        return body

    def decode(self, event: Event, pins: Pins | None) -> dict[str, Json]:
        """Parse the envelope of *event* in the version of *pins*, for a filter."""
        decoded: dict[str, Json] = orjson.loads(self.body(event, pins))
        return decoded

    def has_several(self, name: str) -> bool:
        """Return True if the type *name* has several versions."""
        return name in self._several

    def version_read(self, event: Event, pins: Pins) -> int:
        """Return the version in which ``body`` returns *event* unless a caster fails. This method converts nothing."""
        return event.version if event.type not in self._several else self.chosen(event.type, pins)

    def cast(self, name: str, payload: bytes, *, from_version: int, to_version: int) -> bytes:
        """Convert a payload, as JSON, from one version of the type *name* to another.

        Raises ValueError: a caster raised, or its result is not valid in its version.
        """
        kept = self._several[name]
        start, end = kept.index(from_version), kept.index(to_version)
        way = kept[start : end + 1] if end > start else kept[end : start + 1][::-1]
        for source, target in itertools.pairwise(way):
            payload = self._step(name, payload, source, target)
        return payload

    def _cast(self, event: Event, version: int) -> bytes:
        members = msgspec.json.decode(event.body, type=dict[str, msgspec.Raw])
        stored = bytes(members["payload"])
        try:
            payload = self.cast(event.type, stored, from_version=event.version, to_version=version)
        except ValueError as error:
            _log.error("event %d: %s", event.position, error)
            self._tell(Uncast(event.type, event.version, version, str(error)))
            return event.body
        return msgspec.json.encode(members | {"payload": msgspec.Raw(payload)})

    def _step(self, name: str, payload: bytes, source: int, target: int) -> bytes:
        caster = f"the caster of {name} from version {source} to {target}"
        try:
            encoded = _encode(self._casts[name, source, target](_decode(payload)))
        except Exception as error:
            msg = f"{caster} raised {type(error).__name__}: {error}"
            raise ValueError(msg) from error
        if faults := self._catalog.check(name, orjson.loads(encoded), version=target):
            msg = f"{caster} gave what is not valid: '{faults[0].path}' {faults[0].message}"
            raise ValueError(msg)
        return encoded


def write_header(versions: Mapping[str, int]) -> str:
    """Write the header with the versions that a client was made for: ``1, invoice.created:2``.

    The number before the names is the version of every type that is not named.
    """
    named = [f"{name}:{version}" for name, version in sorted(versions.items()) if version > 1]
    return ", ".join(["1", *named])


def read_header(text: str) -> dict[str, int]:
    """Read the header ``Trunkline-Versions``. Raises ValueError: the header has another form."""
    match = _HEADER.fullmatch(text)
    if match is None:
        msg = "must look like '1, TYPE:2': version 1 of every type, but for those that are named"
        raise ValueError(msg)
    pairs = (item.partition(":") for item in text.split(",")[1:])
    return {name.strip(): int(version) for name, _, version in pairs}


def choose(kept: Sequence[int], pinned: int) -> int:
    """Return the version *pinned* if it is in *kept* (oldest first), else its replacement (``SchemaVersions.chosen``)."""
    return next((version for version in kept if version >= pinned), kept[-1] if kept else pinned)


def steps_of(casters: Iterable[Caster], catalog: SchemaCatalog) -> dict[tuple[str, int, int], Cast]:
    """Map event type and two versions to the caster's function. Raises SchemaInvalid: unknown versions, or two casters."""
    casts: dict[tuple[str, int, int], Cast] = {}
    for caster in casters:
        step = (caster.event_type, caster.from_version, caster.to_version)
        name, source, target = step
        kept = catalog.versions(name)
        way = f"from version {source} to {target}"
        if source not in kept or target not in kept or source == target:
            there = ", ".join(map(str, kept)) or "none"
            raise SchemaInvalid(name, f"a caster leads {way}, but the versions there are: {there}")
        if abs(kept.index(source) - kept.index(target)) != 1:
            raise SchemaInvalid(name, f"a caster leads {way}, past others; give one for each step")
        if step in casts:
            raise SchemaInvalid(name, f"two casters lead {way}")
        casts[step] = caster.cast
    return casts


def find_missing(name: str, kept: Sequence[int], casts: Collection[tuple[str, int, int]]) -> str | None:
    """Name two successive versions in *kept*, of the type *name*, between which no caster exists; None if all exist."""
    for lower, higher in itertools.pairwise(kept):
        for source, target in ((lower, higher), (higher, lower)):
            if (name, source, target) not in casts:
                return (
                    f"versions {lower} and {higher} are both kept, but nothing casts {source} to {target}; enable a plugin "
                    f"whose register_casters gives Caster('{name}', {source}, {target}, …), or remove a version"
                )
    return None
