"""Records in the form of answers: all fields, and the names of the records that they refer to by id. No I/O."""

import json
from collections.abc import Mapping

from trunkline import Json
from trunkline_crm import fields
from trunkline_crm.fields import Row
from trunkline_crm.times import utc_text

_CLIENT = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "city",
    "state",
    "zip",
    "status",
    "status_id",
    "employee_id",
    "employee_name",
    "affiliate_id",
    "affiliate_name",
    "package_keyword",
    "source",
    "external_id",
)
_AFFILIATE = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "affiliate_code",
    "is_approved_affiliate",
    "external_id",
)
_NOTE = ("client_id", "text", "note_type", "visibility", "external_id")


def client(record: Mapping[str, Json]) -> Row:
    """Return a lead or a client in the form of answers; *record* has the names of the records that it refers to."""
    return {
        "client_id": record["id"],
        "full_name": fields.full_name(record),
        "status_name": record["status"],
        **_changed(record),
        **{name: record[name] for name in _CLIENT},
    }


def affiliate(record: Mapping[str, Json]) -> Row:
    """Return an affiliate in the form of answers, with the commission as a number."""
    rate = record["commission_rate"]
    return {
        "affiliate_id": record["id"],
        "full_name": fields.full_name(record),
        "commission_rate": None if rate is None else json.loads(rate),
        **_changed(record),
        **{name: record[name] for name in _AFFILIATE},
    }


def note(record: Mapping[str, Json]) -> Row:
    """Return a note in the form of answers."""
    return {
        "client_note_id": record["id"],
        "created_utc": utc_text(record["created_ms"]),
        **{name: record[name] for name in _NOTE},
    }


def _changed(record: Mapping[str, Json]) -> Row:
    return {"created_utc": utc_text(record["created_ms"]), "updated_utc": utc_text(record["updated_ms"])}
