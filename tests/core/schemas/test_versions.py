"""Versions of event types side by side, without a hub: the version that is read, and the conversion of stored events."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import SchemaInvalid
from trunkline.model.events import Draft, Event
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.versions import Caster, SchemaVersions

FIRST = {"amount": {"type": "number"}, "name": {"type": "string"}}
SECOND = {"total": {"type": "number"}, "name": {"type": "string"}}
THIRD = {"total": {"type": "number"}, "first": {"type": "string"}, "last": {"type": "string"}}
EXAMPLES = {
    1: {"amount": 1, "name": "Jane Doe"},
    2: {"total": 1, "name": "Jane Doe"},
    3: {"total": 1, "first": "Jane", "last": "Doe"},
}


def kind(version, properties, *, name="order.placed"):
    schema = {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
        "examples": [EXAMPLES[version]],
    }
    return EventType(name, "Order Placed", "An order came in.", schema, version)


KINDS = [kind(1, FIRST), kind(2, SECOND), kind(3, THIRD)]


def rename(old, new):
    return lambda payload: {new if name == old else name: value for name, value in payload.items()}


def split(payload):
    first, _, last = payload.pop("name").partition(" ")
    return payload | {"first": first, "last": last}


def join(payload):
    return payload | {"name": f"{payload.pop('first')} {payload.pop('last')}"}


CASTERS = [
    Caster("order.placed", 1, 2, rename("amount", "total")),
    Caster("order.placed", 2, 1, rename("total", "amount")),
    Caster("order.placed", 2, 3, split),
    Caster("order.placed", 3, 2, join),
]


def versions(kinds=KINDS, casters=CASTERS, **more):
    return SchemaVersions(SchemaCatalog(kinds), casters, **more)


def stored(version, payload, *, position=1000, metadata=b""):
    draft = Draft(92, "order.placed", "2026-01-28T10:30:00Z", payload, metadata, version)
    return Event(position, 92, "order.placed", 0, draft.envelope(position), version)


def read(event, version, **more):
    return versions(**more).body(event, {"order.placed": version})


class TestReading:
    def test_a_reader_of_the_stored_version_gets_the_stored_bytes(self):
        event = stored(2, b'{"total":99.00,"name":"J"}')
        assert read(event, 2) is event.body

    def test_a_reader_without_a_choice_gets_the_stored_bytes(self):
        event = stored(3, b'{"total":1,"first":"J","last":"D"}')
        assert versions().body(event, None) is event.body

    def test_an_older_reader_gets_it_cast_down_step_by_step_with_every_digit(self):
        event = stored(3, b'{"total":99.00,"first":"Jane","last":"Doe"}', metadata=b'{"source":"test"}')
        assert read(event, 1) == (
            b'{"id":1000,"type":"order.placed","createdUtc":"2026-01-28T10:30:00Z","companyId":92,'
            b'"payload":{"amount":99.00,"name":"Jane Doe"},"metadata":{"source":"test"}}'
        )

    def test_a_newer_reader_gets_it_cast_up(self):
        event = stored(1, b'{"amount":12345678901234567890.10,"name":"Jane Doe"}')
        assert b'"payload":{"total":12345678901234567890.10,"first":"Jane","last":"Doe"}' in read(event, 3)

    def test_who_pins_nothing_reads_version_1(self):
        assert b'"amount":1' in versions().body(stored(2, b'{"total":1,"name":"J"}'), {})

    def test_the_same_event_is_cast_once(self):
        calls = []
        casters = [Caster("order.placed", 2, 1, lambda p: calls.append(1) or rename("total", "amount")(p))]
        both = versions(casters=[*casters, *[c for c in CASTERS if (c.from_version, c.to_version) != (2, 1)]])
        event = stored(2, b'{"total":1,"name":"J"}')
        assert both.body(event, {}) == both.body(event, {})
        assert calls == [1]

    def test_a_type_of_one_version_is_never_cast(self):
        event = stored(1, b'{"amount":1,"name":"J"}')
        assert versions([kind(3, THIRD)], []).body(event, {"order.placed": 3}) is event.body

    def test_an_event_whose_version_is_gone_is_given_as_it_was_stored(self):
        event = stored(1, b'{"amount":1,"name":"J"}')
        assert read(event, 3, kinds=KINDS[1:], casters=CASTERS[2:]) is event.body


class TestChoosing:
    @pytest.mark.parametrize(("pinned", "chosen"), [(1, 2), (2, 2), (3, 4), (4, 4), (9, 4)])
    def test_a_version_that_is_gone_is_read_in_the_next_one_that_there_is(self, pinned, chosen):
        two = EventType("order.placed", "Order", "Came in.", KINDS[1].schema, 2)
        four = EventType("order.placed", "Order", "Came in.", KINDS[2].schema, 4)
        casters = [Caster("order.placed", 2, 4, split), Caster("order.placed", 4, 2, join)]
        assert versions([two, four], casters).chosen("order.placed", {"order.placed": pinned}) == chosen

    def test_who_begins_now_reads_the_current_versions(self):
        other = EventType("order.paid", "Order Paid", "Paid.", {"type": "object", "examples": [{}]})
        assert versions([*KINDS, other]).pins() == {"order.placed": 3}
        assert versions([*KINDS, other]).pins(["order.paid"]) == {}

    @pytest.mark.parametrize(
        ("name", "version", "fault"),
        [
            ("order.placed", 2, None),
            ("order.placed", 4, "is not a version of order.placed; there are the versions 1, 2, 3"),
            ("order.placed", True, "is not a version of order.placed; there are the versions 1, 2, 3"),
            ("order.lost", 1, "is not a known event type: 'order.lost'; known are order.placed"),
        ],
    )
    def test_what_cannot_be_chosen_is_said(self, name, version, fault):
        assert versions().fault(name, version) == fault


class TestCastersThatFail:
    @pytest.mark.parametrize(
        ("cast", "reason"),
        [
            (lambda payload: payload["nothing"], "raised KeyError: 'nothing'"),
            (
                lambda payload: {"amount": "much", "name": payload["name"]},
                "gave what is not valid: '/amount'",
            ),
            (lambda payload: {"amount": {1, 2}.pop, "name": "x"}, "raised TypeError"),
        ],
    )
    def test_the_event_is_given_as_it_was_stored_and_somebody_hears_of_it(self, cast, reason, caplog):
        heard = []
        casters = [Caster("order.placed", 2, 1, cast), *[c for c in CASTERS if c.to_version != 1]]
        event = stored(2, b'{"total":1,"name":"J"}')
        assert versions(casters=casters, tell=heard.append).body(event, {}) is event.body
        assert [(uncast.event_type, uncast.from_version, uncast.to_version) for uncast in heard] == [
            ("order.placed", 2, 1)
        ]
        assert reason in heard[0].reason
        assert f"event 1000: the caster of order.placed from version 2 to 1 {reason}" in caplog.text


class TestRefused:
    def refusal(self, casters, kinds=KINDS):
        with pytest.raises(SchemaInvalid) as caught:
            versions(kinds, casters)
        return str(caught.value)

    def test_a_step_that_nothing_casts(self):
        assert "versions 2 and 3 are both kept, but nothing casts 3 to 2" in self.refusal(CASTERS[:3])

    def test_a_caster_between_versions_that_are_not_there(self):
        assert "but the versions there are: 1, 2, 3" in self.refusal([Caster("order.placed", 3, 4, dict)])
        assert "but the versions there are: none" in self.refusal([Caster("order.lost", 1, 2, dict)])

    def test_a_caster_past_a_version(self):
        assert "give one for each step" in self.refusal([Caster("order.placed", 1, 3, dict)])

    def test_two_casters_for_one_step(self):
        assert "two casters lead from version 1 to 2" in self.refusal([*CASTERS, CASTERS[0]])


NUMBERS = st.integers().map(str) | st.decimals(allow_nan=False, allow_infinity=False, places=2).map(
    "{:f}".format
)


@given(NUMBERS, st.text())
def test_every_digit_and_letter_survives_the_way_up_and_down(amount, name):
    raw = b'{"amount":%b,"name":%b}' % (amount.encode(), orjson.dumps(name))
    both = versions(KINDS[:2], CASTERS[:2])
    up = both.cast("order.placed", raw, from_version=1, to_version=2)
    assert both.cast("order.placed", up, from_version=2, to_version=1) == raw
