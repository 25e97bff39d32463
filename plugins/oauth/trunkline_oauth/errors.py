"""The errors of OAuth (RFC 6749, 4.1.2.1 and 5.2): a code, and a sentence for the app's developer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import JSONResponse

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
UNKNOWN_APP = "There is no app with this client_id here, or it must prove who it is in another way."


class OAuthError(Exception):
    """A request is refused with the error *code*; *description* says what to fix."""

    def __init__(
        self, code: str, description: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status
        self.headers = dict(headers or {})

    def answer(self) -> "JSONResponse":
        """Make the JSON response."""
        from starlette.responses import JSONResponse  # noqa: PLC0415

        content = {"error": self.code, "error_description": self.description}
        return JSONResponse(content, self.status, headers={**NO_STORE, **self.headers})


def invalid_request(description: str) -> OAuthError:
    """A parameter is missing, malformed or repeated."""
    return OAuthError("invalid_request", description)


def invalid_client(description: str = UNKNOWN_APP) -> OAuthError:
    """The app did not authenticate (RFC 6749, 5.2)."""
    challenge = {"WWW-Authenticate": 'Basic realm="oauth"'}
    return OAuthError("invalid_client", description, status=401, headers=challenge)


def invalid_grant(description: str) -> OAuthError:
    """A code or a refresh token is not valid, or belongs to another app."""
    return OAuthError("invalid_grant", description)
