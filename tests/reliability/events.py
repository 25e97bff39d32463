"""The events that the tests sent, without the hub's operational events."""

from trunkline.store.stream import OPERATIONAL_TYPES

EVENTS = f"(SELECT * FROM events WHERE type NOT IN {OPERATIONAL_TYPES}) AS sent"
"""A source for a ``FROM``."""
