"""The changelog in an event type's schema."""

from typing import Any

import pytest

from trunkline.errors import SchemaInvalid
from trunkline.schemas.catalog import EventType
from trunkline.schemas.changelog import Change


def event_type(changes: Any, *, version: int = 2) -> EventType:
    schema = {"type": "object", "examples": [{}], "x-changes": changes}
    return EventType("order.placed", "Order placed", "An order was placed.", schema, version=version)


def test_changes_stand_newest_first():
    first = {"version": 1, "date": "2026-01-05", "sentence": "It was made."}
    second = {"version": 2, "date": "2026-03-01", "sentence": "It has a currency."}
    expected = (Change(2, "2026-03-01", "It has a currency."), Change(1, "2026-01-05", "It was made."))
    assert event_type([first, second]).changes == event_type([second, first]).changes == expected
    assert event_type([]).changes == ()


@pytest.mark.parametrize(
    "changes",
    [
        "none",
        [{"version": 3, "date": "2026-01-05", "sentence": "Later."}],
        [{"version": 0, "date": "2026-01-05", "sentence": "Before."}],
        [{"version": 1, "date": "5 January", "sentence": "When?"}],
        [{"version": 1, "date": "2026-01-05"}],
        [{"version": 1, "date": "2026-01-05", "sentence": "More.", "by": "me"}],
        ["It was added."],
    ],
    ids=str,
)
def test_changes_of_another_form_are_refused(changes):
    with pytest.raises(SchemaInvalid, match=r"order\.placed.*'x-changes' must be a list of"):
        event_type(changes)
