"""Parameters of OAuth: read from a form or a query, each at most once, and the app that a form comes from."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request

from trunkline import Refused
from trunkline.routes import read_body
from trunkline_oauth.apps import Apps, invalid_client
from trunkline_oauth.errors import OAuthError, invalid_request
from trunkline_oauth.model import App

MAX_BYTES = 16 * 1024
"""What a form may have: no code, token or address of ours comes near it."""
_FORM = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str]:
    """Read the form of *request*. Raises OAuthError."""
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
    """Sort parameters by name; one without a value counts as not sent (RFC 6749, 3.1). Raises OAuthError."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            msg = f"The parameter '{name[:60]}' is there twice."
            raise invalid_request(msg)
        if value:
            values[name] = value
    return values


def need(values: Mapping[str, str], name: str) -> str:
    """Give a parameter that must be there. Raises OAuthError."""
    if name not in values:
        msg = f"The parameter '{name}' is missing."
        raise invalid_request(msg)
    return values[name]


async def find_app(request: Request, values: Mapping[str, str], apps: Apps) -> App:
    """Find the app that sent a form: by HTTP Basic, or by its parameters; a public one by its id alone. Raises OAuthError."""
    header = request.headers.get("authorization")
    if header is None:
        client_id = need(values, "client_id")
        return await apps.authenticate(client_id, values.get("client_secret"))
    if "client_secret" in values:
        msg = "The app proves who it is twice: by Authorization and by client_secret."
        raise invalid_request(msg)
    client_id, secret = _basic(header)
    if values.get("client_id", client_id) != client_id:
        msg = "The client_id is not the one of the header Authorization."
        raise invalid_request(msg)
    return await apps.authenticate(client_id, secret or None)


def _basic(header: str) -> tuple[str, str]:
    """Read HTTP Basic, whose parts are encoded as in a form (RFC 6749, 2.3.1). Raises OAuthError."""
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_client() from None
    client_id, separator, secret = text.partition(":")
    if scheme.lower() != "basic" or not separator:
        raise invalid_client()
    return unquote_plus(client_id), unquote_plus(secret)
