"""Records in the form of answers: whole, with the names of the other records to which their ids refer. No I/O."""

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
    """Show a lead or a client that was read with the names of its references."""
    return {
        "client_id": record["id"],
        "full_name": fields.full_name(record),
        "status_name": record["status"],
        **_changed(record),
        **{name: record[name] for name in _CLIENT},
    }


def affiliate(record: Mapping[str, Json]) -> Row:
    """Show an affiliate, with the commission as a number."""
    rate = record["commission_rate"]
    return {
        "affiliate_id": record["id"],
        "full_name": fields.full_name(record),
        "commission_rate": None if rate is None else json.loads(rate),
        **_changed(record),
        **{name: record[name] for name in _AFFILIATE},
    }


def note(record: Mapping[str, Json]) -> Row:
    """Show a note."""
    return {
        "client_note_id": record["id"],
        "created_utc": utc_text(record["created_ms"]),
        **{name: record[name] for name in _NOTE},
    }


def _changed(record: Mapping[str, Json]) -> Row:
    return {"created_utc": utc_text(record["created_ms"]), "updated_utc": utc_text(record["updated_ms"])}
