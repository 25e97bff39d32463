"""The fields of a call as columns of a record: trimmed, checked and normalised for comparison. No I/O."""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

from trunkline import BodyInvalid, FieldError, Json
from trunkline_crm import phones

Row = dict[str, Json]
Rules = Mapping[str, Callable[[Json], Json]]
"""A function for each field that converts its value, or raises ValueError with a text that follows the field's name."""

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


def folded(text: str) -> str:
    """Return *text* in a form for comparisons: case is folded, and both encodings of ``é`` are equal."""
    return unicodedata.normalize("NFC", text.strip().lower())


def _unchanged(value: Json) -> Json:
    return value


def _email(value: Json) -> Json:
    if _EMAIL.fullmatch(value) is None:
        msg = "is not an email address, such as jane.doe@example.com"
        raise ValueError(msg)
    return value


def _phone(value: Json) -> Json:
    if phones.digits_of(value) is None:
        msg = f"is not a telephone number: it needs at least {phones.FEWEST_DIGITS} digits, such as +1 555-010-4477"
        raise ValueError(msg)
    return value


def _id(value: Json) -> Json:
    return int(value)  # JSON Schema takes 17.0 for an integer, too


def _rate(value: Json) -> Json:
    """Write a number as text with all of its digits; a number column of the database would lose some."""
    return format(Decimal(str(value)), "f")


_PERSON: Rules = {"first_name": _unchanged, "last_name": _unchanged, "email": _email, "phone": _phone}
CLIENT: Rules = {
    **_PERSON,
    "city": _unchanged,
    "state": _unchanged,
    "zip": _unchanged,
    "package_keyword": _unchanged,
    "source": _unchanged,
    "employee_id": _id,
    "affiliate_id": _id,
    "external_id": _unchanged,
}
AFFILIATE: Rules = {
    **_PERSON,
    "affiliate_code": _unchanged,
    "commission_rate": _rate,
    "is_approved_affiliate": _unchanged,
    "external_id": _unchanged,
}
NOTE: Rules = dict.fromkeys(("text", "note_type", "visibility", "external_id"), _unchanged)
EMPLOYEE: Rules = {"full_name": _unchanged, "email": _email}
STATUS_CHANGE: Rules = {
    "new_status": _unchanged,
    "new_status_id": _id,
    "status": _unchanged,
    "status_id": _id,
    "changed_by_employee_id": _id,
    "status_note": _unchanged,
}


def read(input: Mapping[str, Json], rules: Rules, *, required: Collection[str] = ()) -> Row:
    """Read the fields of *input* that *rules* name. Text is trimmed; blank text counts as absent.

    Raises:
        BodyInvalid: it has one fault for each field that is invalid, or is *required* but blank.
    """
    row: Row = {}
    faults: list[FieldError] = []
    for name in (name for name in rules if name in input):
        value = input[name].strip() if isinstance(input[name], str) else input[name]
        if value == "":
            if name in required:
                faults.append(FieldError(f"/{name}", "must not be blank"))
            continue
        try:
            row[name] = None if value is None else rules[name](value)
        except ValueError as error:
            faults.append(FieldError(f"/{name}", str(error)))
    if faults:
        raise BodyInvalid(faults)
    return row


def changed(record: Mapping[str, Json], changes: Row) -> Row:
    """Return the *changes* that differ from *record*."""
    return {name: value for name, value in changes.items() if value != record[name]}


def full_name(row: Mapping[str, Json]) -> str:
    """Join first and last name."""
    return f"{row['first_name']} {row['last_name']}"


def keys(row: Mapping[str, Json]) -> Row:
    """Derive the columns by which the person in *row* is found."""
    phone = row.get("phone")
    return {
        "name_key": folded(full_name(row)),
        "email_key": folded(row["email"]),
        "phone_digits": None if phone is None else phones.digits_of(phone),
    }
