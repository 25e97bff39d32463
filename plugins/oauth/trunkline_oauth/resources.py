"""Resources (RFC 8707): the resources that a token may have, and the calls for which a token is valid. Pure.

A resource is an address of this hub. Only its path is stored, because the hub may be reached at several addresses.
"""

from trunkline_oauth.errors import OAuthError

_PATHS = ("", "/api/v1", "/mcp")
"""Paths below the hub's address: the whole hub, the API, the MCP server."""


def read_resource(sent: str | None, *, issuer: str) -> str | None:
    """Read the parameter ``resource``: the path below which tokens are valid. Raises OAuthError if the hub has no such resource."""
    if sent is None:
        return None
    path = next((path for path in _PATHS if sent in {issuer + path, f"{issuer}{path}/"}), None)
    if path is None:
        known = ", ".join(issuer + path for path in _PATHS)
        raise OAuthError("invalid_target", f"The resource must be one of {known}, not '{sent[:100]}'.")
    return path


def exceeded(granted: str | None) -> OAuthError:
    """Make the error for a request of tokens beyond *granted*, the resource that was granted to the app."""
    return OAuthError("invalid_target", f"The app was allowed the resource with the path '{granted}' alone.")


def is_within(path: str | None, resource: str | None) -> bool:
    """Return True if *path* is *resource* or below it; always True if *path* is None or *resource* is None or empty."""
    return path is None or not resource or path == resource or path.startswith(f"{resource}/")
