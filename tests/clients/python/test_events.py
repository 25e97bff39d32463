"""Saved places and webhooks, as the client reads them."""

import json
from decimal import Decimal

import pytest

from trunkline.runtime.clock import now_ms
from trunkline.targets import signatures
from trunkline_client import NotGenuine, Place, PlaceFile, verify_webhook
from trunkline_client.wire import read_json, write_json

SECRET = "whsec_" + "A" * 32
BODY = b'{"id":7,"type":"payment.failed","createdUtc":"2026-01-28T10:30:00Z","companyId":92,"payload":{"amount":99.00}}'


def signed() -> dict[str, str]:
    timestamp = now_ms() // 1000
    return signatures.headers("standard", secrets=(SECRET,), event_id="7", timestamp=timestamp, body=BODY)


def test_a_genuine_webhook_is_read_with_its_digits_and_its_cursor():
    headers = {name.title(): value for name, value in signed().items()} | {"Trunkline-Cursor": "ZTE6Nw"}
    event = verify_webhook(BODY, headers, secret=SECRET)
    assert (event.id, event.type, event.company_id, event.cursor) == (7, "payment.failed", 92, "ZTE6Nw")
    assert str(event.payload["amount"]) == "99.00"
    assert event.metadata == {}


def test_one_of_several_secrets_must_fit():
    other = "whsec_" + "B" * 32
    assert verify_webhook(BODY, signed(), secret=[other, SECRET]).id == 7
    with pytest.raises(NotGenuine):
        verify_webhook(BODY, signed(), secret=[other])
    with pytest.raises(NotGenuine, match="no secret"):
        verify_webhook(BODY, signed(), secret=[])


def test_numbers_keep_their_digits_both_ways():
    assert read_json(b'{"a":99.00,"b":5}') == {"a": Decimal("99.00"), "b": 5}
    assert write_json({"a": Decimal("99.00"), "b": 5}) == b'{"a":99.00,"b":5}'


@pytest.mark.parametrize("number", ["1e-9999999999999999999", "0e9999999999999999999"])
def test_an_exponent_that_a_decimal_cannot_have_is_read_as_zero(number):
    body = BODY.replace(b"99.00", number.encode())
    timestamp = now_ms() // 1000
    headers = signatures.headers("standard", secrets=(SECRET,), event_id="7", timestamp=timestamp, body=body)
    assert verify_webhook(body, headers, secret=SECRET).payload == {"amount": Decimal(0)}


def test_a_place_is_kept_in_a_file(tmp_path):
    places = PlaceFile(tmp_path / "place.json")
    assert places.load() == Place()
    places.save(Place("ZTE6Nw", 8))
    assert PlaceFile(tmp_path / "place.json").load() == Place("ZTE6Nw", 8)
    assert json.loads((tmp_path / "place.json").read_text()) == {"cursor": "ZTE6Nw", "id": 8}
    assert [file.name for file in tmp_path.iterdir()] == ["place.json"]
