"""What the suites call the events: those that were sent, without the hub's own."""

from trunkline.store.stream import OPERATIONAL_TYPES

EVENTS = f"(SELECT * FROM events WHERE type NOT IN {OPERATIONAL_TYPES}) AS sent"
"""A source for a ``FROM``."""
