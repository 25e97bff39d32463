"""How users connect the app: by an API key, by OAuth, or by either, as chosen in each module.

A connection in Make has one kind, so OAuth has a connection component separate from the key's. Its calls follow Make's
example with PKCE: https://developers.make.com/custom-apps-documentation/app-components/connections/oauth2
"""

import json
from collections.abc import Mapping

from trunkline import Json
from trunkline.pages import Product, registration
from trunkline_make import names

_CONNECT_BY_KEY = (
    "Make an API key in %TITLE%, with the scopes `events:read`, `webhooks:write`, `integrations:read` and `integrations:write`. "
    "In Make, add a module of %TITLE%, press **Create a connection** and paste the key. "
    "The connection is named after the key and its company."
)
_CONNECT_BY_OAUTH = (
    "In Make, add a module of %TITLE%, press **Create a connection** and then **Save**. %TITLE% opens in a window: sign in, and allow "
    "what the app asks for. The connection is named after the company and renews itself. It ends when somebody ends it in %TITLE% "
    "under **Connected apps**, or when you delete it in Make."
)
_CONNECT_BY_ISSUER = (
    "In Make, add a module of %TITLE%, press **Create a connection** and then **Save**. A window opens: sign in to %TITLE%, and allow "
    "what the app asks for. The connection is named after the company and renews itself. It ends when it is ended there, or when you "
    "delete it in Make."
)
_EITHER = "%BY_KEY%\n\nWithout a key, choose **%TITLE% (OAuth)** as the connection type. %BY_OAUTH%"
_REDIRECT_URI = "`https://www.make.com/oauth/cb/app`"
_SECRETS = (
    f"\n5. For the connection by OAuth, register the app with %SERVER%, with the redirect URI {_REDIRECT_URI}. Put "
    'the id and the secret that you get into the **Common data** of that connection in Make: `{"clientId": "…", '
    '"clientSecret": "…"}`. They are in none of these files, and cannot be changed any more once Make has approved the app.'
)
_BY_TOKEN = {"HEADER": "Authorization", "LOGGED_HEADER": "authorization", "SECRETS": _SECRETS}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "key": {
        "HEADER": "X-Api-Key",
        "LOGGED_HEADER": "x-api-key",
        "CREDENTIAL": "{{connection.api_key}}",
        "REFUSED": "The API key is not valid, or was revoked. Make a new one in %TITLE%, and reconnect with it.",
        "ACCESS": "API key",
        "CONNECT": _CONNECT_BY_KEY,
        "SECRETS": "",
    },
    "oauth": _BY_TOKEN
    | {
        "CREDENTIAL": "Bearer {{connection.accessToken}}",
        "REFUSED": "The connection to %TITLE% was ended, or has expired. Reconnect it.",
        "ACCESS": "connection",
        "CONNECT": "%BY_OAUTH%",
    },
    "both": _BY_TOKEN
    | {
        "CREDENTIAL": "Bearer {{ifempty(connection.accessToken, connection.api_key)}}",
        "REFUSED": "The API key was revoked, or the connection to %TITLE% was ended. Reconnect it.",
        "ACCESS": "connection",
        "CONNECT": _EITHER,
    },
}


def words(product: Product) -> Mapping[str, str]:
    """Return the replacement of each placeholder in texts about connecting; earlier ones contain later placeholders."""
    if not product.takes_oauth:
        return _WORDS[product.auth]
    server = product.authorization_server
    return {
        **_WORDS[product.auth],
        "BY_KEY": _CONNECT_BY_KEY,
        "BY_OAUTH": _CONNECT_BY_ISSUER if server.issuer else _CONNECT_BY_OAUTH,
        "SERVER": server.issuer or "the hub",
        "AUTHORIZATION_ENDPOINT": server.authorization_endpoint,
        "TOKEN_ENDPOINT": server.token_endpoint,
        "REVOCATION_ENDPOINT": server.revocation_endpoint,
    }


def remarks(product: Product) -> list[str]:
    """List remarks about the issuer at which users sign in; empty if users sign in at the hub."""
    redirect_uri = f"the redirect URI {_REDIRECT_URI.strip('`')}"
    return registration(product, redirect_uri=redirect_uri, method="client_secret_post")


def of_issuer(files: Mapping[str, bytes], product: Product) -> dict[str, Json]:
    """Return the files of the OAuth connection, changed for the product's own issuer; none if it has no issuer."""
    if product.issuer is None or not product.takes_oauth:
        return {}
    server = product.authorization_server
    communication = names.code_path("connection", names.OAUTH_CONNECTION, "oauth-communication")
    default_scope = names.code_path("connection", names.OAUTH_CONNECTION, "default-scope")
    steps: dict[str, Json] = json.loads(files[communication])
    steps["authorize"]["qs"] = {**server.parameters, **steps["authorize"]["qs"]}
    if not server.revocation_endpoint:
        del steps["invalidate"]
    return {communication: steps, default_scope: list(server.scopes)}


def folders(product: Product) -> list[str]:
    """List the folders of constant files that the app includes."""
    return ["app", *(["key"] if product.takes_keys else []), *(["oauth"] if product.takes_oauth else [])]


def reference(product: Product) -> dict[str, Json]:
    """Return the ids of a component's connection and, if users may choose, of the alternative connection."""
    if product.auth == "both":
        return {"connection": names.CONNECTION, "altConnection": names.OAUTH_CONNECTION}
    return {"connection": names.CONNECTION if product.takes_keys else names.OAUTH_CONNECTION}
