"""Matching: chooses the subscriptions that an event is for. Pure, except that one function pauses for other tasks."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from trunkline.filters.filters import Test
from trunkline.filters.reading import Reading
from trunkline.model.events import Event
from trunkline.model.ordering import WHOLE_KEY, Ordering, key_at
from trunkline.runtime.pauses import Pauses
from trunkline.schemas.versions import Pins, SchemaVersions


class Matching(Protocol):
    """The attributes of a subscription that matching needs."""

    @property
    def start_position(self) -> int:
        """The position after which the subscription receives events."""
        ...

    @property
    def wants(self) -> Test | None:
        """The test for its filter; None if it has no filter."""
        ...

    @property
    def pins(self) -> Pins:
        """The versions of event types that the subscription reads."""
        ...


AnyMatching = TypeVar("AnyMatching", bound=Matching)
Readings = dict[int, Reading]
"""The parsed forms of one event, by version of the event type."""


def order_key(event: Event, ordering: Ordering, *, pins: Pins, schema_versions: SchemaVersions) -> int:
    """Compute the order key of *event* under *ordering*; the event is read in the versions *pins*."""
    if isinstance(ordering, str):
        return WHOLE_KEY
    return key_at(ordering["key"], schema_versions.decode(event, pins))


def match(
    event: Event,
    candidates: Iterable[AnyMatching],
    *,
    schema_versions: SchemaVersions,
    readings: Readings | None = None,
) -> list[AnyMatching]:
    """Choose the *candidates* that *event* is for; all of them subscribe to its type.

    *readings* keeps the parsed forms of the event for a further call.
    """
    matched: list[AnyMatching] = []
    reading: Reading | None = None
    has_several = False
    for candidate in candidates:
        if event.position <= candidate.start_position:
            continue
        wants = candidate.wants
        if wants is not None:
            if reading is None or has_several:
                has_several = schema_versions.has_several(event.type)
                if readings is None:
                    readings = {}
                reading = read(event, candidate.pins, schema_versions, readings)
            if not wants(reading):
                continue
        matched.append(candidate)
    return matched


async def match_with_pauses(
    event: Event, candidates: Iterable[AnyMatching], *, schema_versions: SchemaVersions, pauses: Pauses
) -> list[AnyMatching]:
    """Choose as ``match`` does, but pause between candidates so that other tasks can run."""
    matched: list[AnyMatching] = []
    readings: Readings = {}
    for candidate in candidates:
        matched += match(event, [candidate], schema_versions=schema_versions, readings=readings)
        await pauses.pause_if_due()
    return matched


def read(event: Event, pins: Pins, schema_versions: SchemaVersions, readings: Readings) -> Reading:
    """Read *event* in the version that *pins* name for its type; each version is parsed once and kept in *readings*."""
    version = schema_versions.version_read(event, pins)
    if version in readings:
        return readings[version]
    decoded = event.decode() if version == event.version else schema_versions.decode(event, pins)
    reading = readings[version] = Reading(decoded)
    return reading
