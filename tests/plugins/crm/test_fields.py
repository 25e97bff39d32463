"""The fields of a call: checked, trimmed and stored."""

import pytest

from trunkline import BodyInvalid
from trunkline_crm import fields


def test_text_is_trimmed_and_what_is_not_named_is_left_alone():
    row = fields.read({"first_name": "  Zoë ", "city": "\u00a0Austin\t", "client_id": 7}, fields.CLIENT)
    assert row == {"first_name": "Zoë", "city": "Austin"}


def test_blank_text_is_as_good_as_none_and_null_stays():
    assert fields.read({"first_name": "  ", "city": "\t", "zip": None}, fields.CLIENT) == {"zip": None}


def test_each_fault_is_named_with_its_field():
    body = {"first_name": " ", "last_name": "Doe", "email": "jane doe@example.com", "phone": "call me"}
    with pytest.raises(BodyInvalid) as refused:
        fields.read(body, fields.CLIENT, required={"first_name", "last_name", "email"})
    assert {fault.path: fault.message for fault in refused.value.errors} == {
        "/first_name": "must not be blank",
        "/email": "is not an email address, such as jane.doe@example.com",
        "/phone": "is not a telephone number: it needs at least 7 digits, such as +1 555-010-4477",
    }


@pytest.mark.parametrize(
    "email", ["jane", "@example.com", "jane@", "jane@doe@example.com", "jane @example.com"]
)
def test_what_is_no_email_address_is_refused(email):
    with pytest.raises(BodyInvalid):
        fields.read({"email": email}, fields.EMPLOYEE)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0"), (100, "100"), (12.5, "12.5"), (0.1, "0.1"), (33.333333, "33.333333"), (1e-7, "0.0000001")],
)
def test_a_commission_rate_keeps_its_digits(rate, text):
    assert fields.read({"commission_rate": rate}, fields.AFFILIATE) == {"commission_rate": text}


def test_an_id_may_be_written_as_a_whole_float():
    row = fields.read({"employee_id": 17.0}, fields.CLIENT)
    assert row == {"employee_id": 17}
    assert type(row["employee_id"]) is int


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Jane.Doe@Example.COM ", "jane.doe@example.com"),
        ("RENÉ", "rene\u0301"),  # é as one character, and as e with a combining accent
        ("ΣΑΣ", "σας"),
    ],
)
def test_what_differs_in_case_or_composition_only_is_compared_as_equal(first, second):
    assert fields.folded(first) == fields.folded(second)


def test_the_columns_by_which_a_person_is_found_follow_from_the_others():
    person = {
        "first_name": "Zoë",
        "last_name": "O'Neil",
        "email": "Zoe@Example.com",
        "phone": "(555) 010-4477",
    }
    assert fields.keys(person) == {
        "name_key": "zoë o'neil",
        "email_key": "zoe@example.com",
        "phone_digits": "15550104477",
    }
    assert fields.keys(person | {"phone": None})["phone_digits"] is None


def test_only_what_differs_is_a_change():
    record = {"city": "Austin", "zip": "78701", "phone": None}
    assert fields.changed(record, {"city": "Austin", "zip": None, "phone": "+1 555-010-4477"}) == {
        "zip": None,
        "phone": "+1 555-010-4477",
    }
