"""The form of a subscription: its fields, read from a request or a subscription, and converted to an API request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from trunkline import BodyInvalid, FieldError, Json
from trunkline_portal.formats import moment
from trunkline_portal.forms import Fields, one_of
from trunkline_portal.pages.subscriptions import filter_rows, paces, targets
from trunkline_portal.pages.subscriptions.filter_rows import Kinds, Row

SCHEMES: Mapping[str, str] = {
    "standard": "Standard Webhooks (HMAC-SHA256): webhook-signature",
    "github": "As GitHub signs (HMAC-SHA256): X-Hub-Signature-256",
    "stripe": "As Stripe signs (HMAC-SHA256 with a time): t=…,v1=…",
    "ed25519": "Ed25519: receivers check with a public key, no secret is shared",
}
STARTS: Mapping[str, str] = {
    "now": "With the next event",
    "earliest": "With the oldest event that is kept",
    "time": "With events accepted at a time or later",
    "cursor": "After a cursor of GET /api/v1/events",
}
MODES: Mapping[str, str] = {"rows": "Conditions", "json": "JSON"}
_OPERATORS = dict(filter_rows.OPERATORS)


@dataclass(frozen=True, slots=True)
class Form:
    """The values of the fields. *schema* describes the targets that *channel* declares; None if the target is an address.

    *target* has a text for each field of *schema*. *ordering* is a key, ``subscription``, or empty; *pace* has a text for each option
    of ``paces``. *headers* are names and values; the stored headers of a subscription are never shown.
    """

    channel: str = targets.WEBHOOKS
    target: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    schema: Json = field(default=None, repr=False)
    target_url: str = ""
    description: str = ""
    takes_all: bool = False
    event_types: Sequence[str] = ()
    ordering: str = ""
    pace: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(paces.NAMES, ""))
    mode: str = "rows"
    rows: Sequence[Row] = ()
    json: str = ""
    signature: str = "standard"
    secret: str = ""
    headers: Sequence[tuple[str, str]] = ()
    replaces_headers: bool = False
    start: str = "now"
    start_time: str = ""
    start_cursor: str = ""

    @property
    def chosen(self) -> list[str]:
        """The event types as a request names them."""
        return ["*"] if self.takes_all else list(self.event_types)

    @property
    def has_options(self) -> bool:
        """Return True if something under *Advanced* was filled in, or a row was added there."""
        texts = (self.json, self.ordering, *self.pace.values(), self.secret, self.replaces_headers)
        is_other = self.signature != "standard" or self.start != "now"
        return is_other or any(texts) or max(len(self.rows), len(self.headers)) > 1

    def with_blanks(self, *, rows: int = 1, headers: int = 1) -> "Form":
        """Add empty rows to fill in."""
        return replace(
            self,
            rows=[*(row for row in self.rows if not row.is_blank), *[Row()] * rows],
            headers=[*(pair for pair in self.headers if any(pair)), *[("", "")] * headers],
        )


def read(fields: Fields, *, channel: str, schema: Json) -> Form:
    """Read the sent fields of a subscription on *channel*; *schema* describes its targets, if declared."""
    rows = zip(
        fields.all("filter_path"), fields.all("filter_operator"), fields.all("filter_value"), strict=False
    )
    return Form(
        channel=channel,
        schema=schema,
        target={} if schema is None else targets.read(fields, schema),
        target_url=fields["target_url"],
        description=fields["description"].replace("\r\n", "\n"),  # so browsers send a line break
        takes_all=fields["types"] == "all",
        event_types=fields.all("event_types"),
        ordering=fields["ordering"].strip(),
        pace={name: fields[name].strip() for name in paces.NAMES},
        mode=one_of(fields, "filter_mode", MODES),
        rows=[
            Row(path, operator if operator in _OPERATORS else "eq", value) for path, operator, value in rows
        ],
        json=fields["filter_json"],
        signature=one_of(fields, "signature", SCHEMES),
        secret=fields["secret"],
        headers=list(zip(fields.all("header_name"), fields.all("header_value"), strict=False)),
        replaces_headers="replaces_headers" in fields,
        start=one_of(fields, "start", STARTS),
        start_time=fields["start_time"],
        start_cursor=fields["start_cursor"],
    )


WHOLE = "subscription"
"""Value of the ordering field: all deliveries are sent one at a time."""


def of_subscription(view: Mapping[str, Any], kinds: Kinds, *, schema: Json) -> Form:
    """Fill in the form from a subscription; *schema* describes its channel's targets, if declared."""
    source = view["filter"]
    rows = filter_rows.rows_of(source or {}, kinds)
    return Form(
        channel=view["channel"],
        schema=schema,
        target={} if schema is None else targets.texts(view.get("target") or {}, schema),
        target_url=view["target_url"],
        description=view["description"] or "",
        takes_all=view["event_types"] == ["*"],
        event_types=[] if view["event_types"] == ["*"] else view["event_types"],
        ordering=order_text(view["ordering"]),
        pace=paces.texts(view),
        mode="json" if rows is None else "rows",
        rows=rows or [],
        json=indented(source) if source else "",
    )


def indented(source: Json) -> str:
    """Write JSON for people."""
    return orjson.dumps(source, option=orjson.OPT_INDENT_2).decode()


def creation(form: Form, kinds: Kinds) -> dict[str, Json]:
    """Make the request for a new subscription. Raises BodyInvalid if a field cannot be read."""
    faults: list[FieldError] = []
    request = _common(form, kinds, faults, is_change=False) | {"signature": form.signature}
    if form.secret:
        request["secret"] = form.secret
    if form.start != "now":
        request["start"] = form.start
    if form.start == "cursor":
        request["start"] = form.start_cursor
        if not form.start_cursor:
            faults.append(FieldError("/start", "Enter the cursor, or choose another start"))
    if form.start == "time":
        request["start"] = read_time("/start", form.start_time, faults) or ""
    if form.schema is None and (headers := _headers(form, faults)):
        request["headers"] = headers
    if faults:
        raise BodyInvalid(faults)
    return {name: value for name, value in request.items() if value is not None}


def changes(form: Form, kinds: Kinds) -> dict[str, Json]:
    """Make the request that changes a subscription. Raises BodyInvalid if a field cannot be read.

    It has headers only if the stored headers are to be replaced.
    """
    faults: list[FieldError] = []
    request = _common(form, kinds, faults, is_change=True)
    headers = _headers(form, faults) if form.schema is None else {}
    if form.schema is None and form.replaces_headers:
        request["headers"] = headers
    elif headers:
        message = "Tick “Replace them by those below”, or empty these rows: otherwise they are ignored"
        faults.append(FieldError("/headers", message))
    if faults:
        raise BodyInvalid(faults)
    return request


def _common(form: Form, kinds: Kinds, faults: list[FieldError], *, is_change: bool) -> dict[str, Json]:
    if form.schema is None:
        target: dict[str, Json] = {"target_url": form.target_url}
    else:
        target = {"target": targets.members(form.target, form.schema, is_change=is_change)}
    return {
        **target,
        "event_types": form.chosen,
        "description": form.description or None,
        "filter": _filter(form, kinds, faults),
        "ordering": {"": None, WHOLE: WHOLE}.get(form.ordering, {"key": form.ordering}),
        **paces.options(form.pace, faults),
    }


def order_text(ordering: Json) -> str:
    """Write an ordering as the text of its field."""
    return ordering["key"] if isinstance(ordering, dict) else ordering or ""


def _filter(form: Form, kinds: Kinds, faults: list[FieldError]) -> Json:
    if form.mode == "rows":
        faults += [
            FieldError(
                f"/filter/{row.path.replace('~', '~0').replace('/', '~1')}",
                "is not a field: choose one that begins with payload. or metadata.",
            )
            for row in form.rows
            if not row.is_blank and not row.path.startswith(("payload.", "metadata."))
        ]
        return filter_rows.filter_of(form.rows, kinds)
    if not form.json:
        return None
    try:
        source = orjson.loads(form.json)
    except orjson.JSONDecodeError as error:
        faults.append(FieldError("/filter", f"The filter is not JSON: {error}"))
        return None
    return source if source != {} else None


def _headers(form: Form, faults: list[FieldError]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in form.headers:
        if not name and value:
            faults.append(FieldError("/headers", "A value has no name beside it"))
        elif name in headers:
            faults.append(FieldError("/headers", f"{name} is given twice"))
        elif name:
            headers[name] = value
    return headers


def read_time(path: str, text: str, faults: list[FieldError]) -> str | None:
    """Read a time in UTC as browsers send it, or any ISO 8601 time; if it is unreadable, a fault is added to *faults*."""
    has_offset = text.upper().endswith("Z") or "+" in text or "-" in text[10:]
    try:
        return moment(text if has_offset else f"{text}Z").isoformat()
    except (ValueError, OverflowError):  # overflow: in UTC the time is before year 1 or after year 9999
        faults.append(FieldError(path, "Enter a date and a time in UTC, such as 2026-01-31T09:00"))
        return None
