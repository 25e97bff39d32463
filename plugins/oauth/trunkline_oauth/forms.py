"""Reads the parameters of OAuth from a form or a query, each at most once, and finds the app that sent a form."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_plus

from trunkline import PluginContext, Refused
from trunkline_oauth import assertions
from trunkline_oauth.apps import Apps
from trunkline_oauth.errors import OAuthError, invalid_client, invalid_request
from trunkline_oauth.model import App

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BYTES = 16 * 1024
"""Limit of a form: far above any code, token or address of the hub."""
_FORM = "application/x-www-form-urlencoded"


async def read_form(request: "Request") -> dict[str, str]:
    """Read the form of *request*. Raises OAuthError."""
    from trunkline.routes import read_body  # noqa: PLC0415 - the consent page needs other parts of this module, at each start

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        msg = f"The request must be a form, of the type {_FORM}."
        raise invalid_request(msg)
    try:
        body = await read_body(request, limit=MAX_BYTES)
    except Refused as error:
        raise OAuthError("invalid_request", error.detail, status=error.status) from None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise invalid_request("The form cannot be read.") from None
    return read_pairs(pairs)


def read_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return parameters by name; a parameter without a value counts as not sent (RFC 6749, 3.1). Raises OAuthError.

    Several ``resource`` parameters (RFC 8707, 2) are joined with spaces; the result is not a resource of this hub.
    """
    values: dict[str, str] = {}
    for name, value in pairs:
        if name == "resource" and name in values:
            values[name] += f" {value}"
            continue
        if name in values:
            msg = f"The parameter '{name[:60]}' is there twice."
            raise invalid_request(msg)
        if value:
            values[name] = value
    return values


def need(values: Mapping[str, str], name: str) -> str:
    """Return a required parameter. Raises OAuthError."""
    if name not in values:
        msg = f"The parameter '{name}' is missing."
        raise invalid_request(msg)
    return values[name]


async def find_app(
    request: "Request", values: dict[str, str], apps: Apps, *, audiences: Sequence[str], asker: str
) -> App:
    """Find the app that sent a form: by HTTP Basic, by its parameters, or by an assertion for one of *audiences*.

    A public app is found by its id alone; *asker* is as in ``Apps.find``. If the ``client_id`` is not among the form's
    parameters, it is added to *values*.

    Raises:
        OAuthError, IssuerUnavailable, RateLimited
    """
    header = request.headers.get("authorization")
    if "client_assertion" in values:
        return await _find_signer(values, apps, audiences, has_secret=header is not None, asker=asker)
    if header is None:
        client_id = need(values, "client_id")
        return await apps.authenticate(client_id, values.get("client_secret"), asker=asker)
    if "client_secret" in values:
        msg = "The app proves who it is twice: by Authorization and by client_secret."
        raise invalid_request(msg)
    scheme, _, encoded = header.partition(" ")
    try:  # HTTP Basic with form-encoded parts (RFC 6749, 2.3.1)
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_client() from None
    client_id, separator, secret = (unquote_plus(part) for part in text.partition(":"))
    if scheme.lower() != "basic" or not separator:
        raise invalid_client()
    if values.setdefault("client_id", client_id) != client_id:
        msg = "The client_id is not the one of the header Authorization."
        raise invalid_request(msg)
    return await apps.authenticate(client_id, secret or None, asker=asker)


async def _find_signer(
    values: dict[str, str], apps: Apps, audiences: Sequence[str], *, has_secret: bool, asker: str
) -> App:
    assertion = values["client_assertion"]
    if has_secret or "client_secret" in values:
        msg = "The app proves who it is twice: by a secret and by client_assertion."
        raise invalid_request(msg)
    if values.get("client_assertion_type") != assertions.TYPE:
        msg = f"The client_assertion_type must be {assertions.TYPE}."
        raise invalid_request(msg)
    if "client_id" not in values:
        values["client_id"] = assertions.client_id_in(assertion)
    return await apps.authenticate_signed(values["client_id"], assertion, audiences=audiences, asker=asker)


def address_of(context: PluginContext, request: "Request") -> str:
    """Return the key under which limits are counted for the client's address."""
    peer = request.client.host if request.client else None
    return f"address {context.client_addresses.find(peer, request.headers.getlist('x-forwarded-for'))}"
