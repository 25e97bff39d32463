"""An app's request at ``/oauth/authorize``: checked, and sealed for the page that asks for consent."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from trunkline import PluginContext
from trunkline.routes import COMPANY_SCOPES
from trunkline_oauth.errors import OAuthError, invalid_request
from trunkline_oauth.forms import need
from trunkline_oauth.model import App
from trunkline_oauth.redirect_uris import find_registered, with_parameters
from trunkline_oauth.resources import read_resource

MAX_STATE = 2_048
VALID_MS = 30 * 60_000
"""Time limit within which the person must sign in and decide."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_STATE = re.compile(r"[\x20-\x7e]+", re.ASCII)
_PURPOSE = "authorize"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An app's request. *issuer* is the server that answers (RFC 9207); *sent_uri* is the redirect URI, if one was sent.

    *resource* is the path below which its tokens will be valid.
    """

    client_id: str
    redirect_uri: str
    sent_uri: str | None
    scopes: tuple[str, ...]
    challenge: str
    state: str | None = field(repr=False)
    issuer: str
    made_ms: int
    resource: str | None = None

    def answer(self, **parameters: str) -> str:
        """Return the app's redirect URI with *parameters* added."""
        return answer_at(self.redirect_uri, self.state, self.issuer, **parameters)


def answer_at(redirect_uri: str, state: str | None, issuer: str, **parameters: str) -> str:
    """Return an app's redirect URI with *parameters* added."""
    return with_parameters(redirect_uri, {**parameters, "state": state, "iss": issuer})


def find_redirect_uri(app: App | None, values: Mapping[str, str]) -> str:
    """Find the redirect URI for answers. If there is none, raises OAuthError, which is shown to the person, not to the app."""
    if app is None:
        msg = "There is no app with this client_id here."
        raise invalid_request(msg)
    sent = values.get("redirect_uri")
    redirect_uri = find_registered(sent, app.redirect_uris)
    if redirect_uri is None:
        what = (
            "is missing" if sent is None else "is not one that is registered for this app, letter by letter"
        )
        msg = f"The redirect_uri {what}."
        raise invalid_request(msg)
    return redirect_uri


def read_request(
    app: App, values: Mapping[str, str], *, redirect_uri: str, issuer: str, now_ms: int
) -> AuthorizationRequest:
    """Check an app's request. Raises OAuthError, which a redirect reports to the app."""
    if need(values, "response_type") != "code":
        raise OAuthError("unsupported_response_type", "The response_type must be 'code'.")
    challenge = need(values, "code_challenge")
    if values.get("code_challenge_method") != "S256" or _CHALLENGE.fullmatch(challenge) is None:
        msg = "PKCE is needed: a code_challenge with the code_challenge_method 'S256'."
        raise invalid_request(msg)
    resource = read_resource(values.get("resource"), issuer=issuer)
    scopes = tuple(dict.fromkeys(values["scope"].split(" "))) if "scope" in values else app.scopes
    for name in scopes:
        if name not in app.scopes:
            why = "may not be asked for by this app" if name in COMPANY_SCOPES else "is not known here"
            raise OAuthError("invalid_scope", f"The scope '{name[:60]}' {why}.")
    state, sent_uri = values.get("state"), values.get("redirect_uri")
    return AuthorizationRequest(
        app.client_id, redirect_uri, sent_uri, scopes, challenge, state, issuer, now_ms, resource
    )


def read_state(values: Mapping[str, str]) -> str | None:
    """Read the app's ``state``, which is returned unchanged. Raises OAuthError."""
    state = values.get("state")
    if state is not None and (len(state) > MAX_STATE or _STATE.fullmatch(state) is None):
        msg = f"The state must have {MAX_STATE} or fewer plain characters."
        raise invalid_request(msg)
    return state


def seal(context: PluginContext, request: AuthorizationRequest) -> str:
    """Write *request* as tamper-proof text for an address."""
    return context.sealer.seal(orjson.dumps(asdict(request)), purpose=_PURPOSE)


def unseal(context: PluginContext, sealed: str) -> AuthorizationRequest | None:
    """Read the text of ``seal``; None if it was altered or is too old."""
    try:
        values: dict[str, Any] = orjson.loads(context.sealer.unseal(sealed, purpose=_PURPOSE))
    except ValueError:
        return None
    values["scopes"] = tuple(values["scopes"])
    request = AuthorizationRequest(**values)
    return request if context.clock.now_ms() < request.made_ms + VALID_MS else None
