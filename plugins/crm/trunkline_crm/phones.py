"""Telephone numbers: what is taken for one, and when two are the same. No I/O."""

HOME_REGION = "US"
"""Where a number without a country code is dialled."""
FEWEST_DIGITS = 7


def digits_of(text: str) -> str | None:
    """Reduce a telephone number to the digits by which it is compared; None where there is none in *text*.

    Those are its E.164 digits, without an extension, so that ``+1 555-010-4477``, ``(555) 010-4477`` and ``5550104477`` are
    one. A number that the country's numbering plan has no room for is taken as it stands, digit by digit.
    """
    import phonenumbers  # noqa: PLC0415 - the numbering plans of all countries

    digits = _international(text) or phonenumbers.normalize_digits_only(text)
    return digits if len(digits) >= FEWEST_DIGITS else None


def _international(text: str) -> str | None:
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None  # a local number among them: which area it is in, nobody knows
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
