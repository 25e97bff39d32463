"""Telephone numbers: recognise and compare them. No I/O."""

from contextlib import suppress

HOME_REGION = "US"
"""The region of a number without a country code."""
FEWEST_DIGITS = 7


def digits_of(text: str) -> str | None:
    """Reduce a telephone number to the digits that are compared; None if *text* has none.

    These are its E.164 digits without an extension, so ``+1 555-010-4477``, ``(555) 010-4477`` and ``5550104477`` are equal.
    A number outside the country's numbering plan keeps its digits as written.
    """
    import phonenumbers  # noqa: PLC0415 - the numbering plans of all countries

    digits: str = phonenumbers.normalize_digits_only(text)
    with suppress(phonenumbers.NumberParseException):
        number = phonenumbers.parse(text, HOME_REGION)
        reason = phonenumbers.is_possible_number_with_reason(number)
        if (
            reason == phonenumbers.ValidationResult.IS_POSSIBLE
        ):  # a local number, whose area is unknown, is not
            digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    return digits if len(digits) >= FEWEST_DIGITS else None
