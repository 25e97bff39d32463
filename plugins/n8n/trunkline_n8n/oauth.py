"""The credentials of the package's nodes: a key, OAuth, or either of them as the user chooses."""

from collections.abc import Mapping
from urllib.parse import urlencode

from trunkline.pages import Product
from trunkline_n8n.texts import fill

_KEY = "\t\tcredentials: [{ name: '__name__Api', required: true }],\n"
_OAUTH = "\t\tcredentials: [{ name: '__name__OAuth2Api', required: true }],\n"
_BOTH = """\
		credentials: [
			{
				name: '__name__Api',
				required: true,
				displayOptions: { show: { authentication: ['apiKey'] } },
			},
			{
				name: '__name__OAuth2Api',
				required: true,
				displayOptions: { show: { authentication: ['oAuth2'] } },
			},
		],
"""
_PROPERTIES = {
    "properties: resourceProperties,": "properties: [authenticationProperty, ...resourceProperties],",
    "properties: [eventTypesProperty": "properties: [authenticationProperty, eventTypesProperty",
}
_IMPORT = "import { authenticationProperty } from '../shared/authentication';\n"
_CALL = "'__name__Api'"
_REFUSED = "\t\t\tignoreHttpStatusErrors: true,\n"
_REFRESHED = "\t\t\tignoreHttpStatusErrors: { ignore: true, except: [401] },\n"
_AUTHENTICATION = "nodes/shared/authentication.ts"
_KEY_FILE = "credentials/__Name__Api.credentials.ts"
_OAUTH_FILE = "credentials/__Name__OAuth2Api.credentials.ts"


def credentials_of(product: Product, name: str) -> list[str]:
    """List the built files of the credentials."""
    kinds = [*(["Api"] if product.takes_keys else []), *(["OAuth2Api"] if product.takes_oauth else [])]
    return [f"dist/credentials/{name}{kind}.credentials.js" for kind in kinds]


def is_there(path: str, product: Product) -> bool:
    """Return whether the package of *product* includes the template's file *path*."""
    if path == _KEY_FILE:
        return product.takes_keys
    if path == _OAUTH_FILE:
        return product.takes_oauth
    return path != _AUTHENTICATION or product.auth == "both"


def adapted(path: str, text: str, product: Product) -> str:
    """Adapt a file of the template, written for keys, to the product's credentials."""
    if path == _OAUTH_FILE and product.issuer:
        return fill(text, _ISSUER)
    if product.auth == "key" or not path.startswith("nodes/"):
        return text
    if path.endswith(".node.ts"):
        if product.auth != "both":
            return text.replace(_KEY, _OAUTH)
        first, rest = fill(text, {_KEY: _BOTH, **_PROPERTIES}).split("\nimport { ", 1)
        return f"{first}\n{_IMPORT}import {{ {rest}"
    if path == "nodes/shared/hub.ts":
        return fill(text, _CHOSEN if product.auth == "both" else _ALWAYS)
    return text


def words(product: Product) -> Mapping[str, str]:
    """Return the template's words for an OAuth credential of the product's issuer; empty if the hub is the issuer."""
    if not product.takes_oauth or product.issuer is None:
        return {}
    server = product.authorization_server
    return {
        "__authorization_endpoint__": server.authorization_endpoint,
        "__token_endpoint__": server.token_endpoint,
        "__scopes__": " ".join(server.scopes),
        "__parameters__": urlencode(server.parameters),
    }


def deed(product: Product) -> str:
    """Describe the step by which a user connects."""
    return f"sign in at {product.issuer.issuer}" if product.issuer else f"allow it in {product.brand.title}"


_BASE = r'={{$self["baseUrl"].replace(/\\/+$/, "")}}'
_ISSUER = {
    f"{_BASE}/oauth/authorize": "__authorization_endpoint__",
    f"{_BASE}/oauth/token": "__token_endpoint__",
    "events:read webhooks:write integrations:read integrations:write": "__scopes__",
    "name: 'authQueryParameters',\n\t\t\ttype: 'hidden',\n\t\t\tdefault: ''": "name: 'authQueryParameters',\n\t\t\ttype: 'hidden',\n\t\t\tdefault: '__parameters__'",
}
_ALWAYS = {
    _CALL: "'__name__OAuth2Api'",
    _REFUSED: _REFRESHED,
    "'The API key is not valid, or was revoked'": "'The connection was ended, or has expired'",
    "'Make another key, and paste it into the credential'": "'Connect the credential anew'",
    "'Choose a credential whose key has this scope'": "'Choose a credential that has this scope'",
}
_CHOSEN = {
    _CALL: "credentialOf(context)",
    _REFUSED: _REFRESHED,
    "'The API key is not valid, or was revoked'": "'The credential is not valid, or was revoked'",
    "'Make another key, and paste it into the credential'": "'Use another key, or connect the credential anew'",
    "'Choose a credential whose key has this scope'": "'Choose a credential that has this scope'",
    "import { VERSIONS } from './eventTypes';": "import { credentialOf } from './authentication';\nimport { VERSIONS } from './eventTypes';",
}
