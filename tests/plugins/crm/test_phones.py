"""Telephone numbers that are equal although they are written differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline_crm import phones


@pytest.mark.parametrize(
    "text",
    [
        "+1 555-010-4477",
        "+15550104477",
        "15550104477",
        "1 (555) 010 4477",
        "(555) 010-4477",
        "555.010.4477",
        "5550104477",
        "555-010-4477 ext. 12",
        "tel:+1-555-010-4477",
        "+\uff11 555 010 4477",
        " 15550104477",
    ],
)
def test_a_number_is_the_same_in_every_usual_form(text):
    assert phones.digits_of(text) == "15550104477"


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+44 20 7946 0958", "442079460958"),
        ("+49 (0)30 901820", "4930901820"),
        ("+356 2122 1234", "35621221234"),
        ("1-800-FLOWERS", "18003569377"),
        ("555-0123", "5550123"),
        ("99999999999999", "99999999999999"),
        ("+999 1234567", "9991234567"),
    ],
)
def test_numbers_of_other_countries_and_of_no_plan_have_digits_too(text, digits):
    assert phones.digits_of(text) == digits


@pytest.mark.parametrize("text", ["", "-", "call me", "123456", "+1", "@@@", "12-34"])
def test_what_has_too_few_digits_is_no_number(text):
    assert phones.digits_of(text) is None


@given(st.text(max_size=50))
def test_any_text_gives_digits_or_nothing(text):
    digits = phones.digits_of(text)
    assert digits is None or (digits.isascii() and digits.isdigit() and len(digits) >= phones.FEWEST_DIGITS)


@given(
    st.from_regex(r"[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True), st.sampled_from(["", " ", "-", ".", ") "])
)
def test_a_number_of_ten_digits_is_the_same_with_its_country_code_and_however_it_is_divided(digits, between):
    divided = between.join([digits[:3], digits[3:6], digits[6:]])
    forms = [digits, divided, f"1{digits}", f"+1 {divided}", f"({digits[:3]}) {digits[3:]}"]
    assert {phones.digits_of(form) for form in forms} == {f"1{digits}"}
