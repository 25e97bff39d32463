"""``/oauth/register`` (RFC 7591), if the settings allow it: an app registers itself.

Nothing is stored, as anybody may register: the ``client_id`` is the app's metadata, sealed by the hub.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trunkline import BodyInvalid, PluginContext, Refused
from trunkline.routes import read_body, read_json
from trunkline_oauth.apps import Apps
from trunkline_oauth.client_metadata import MetadataInvalid, read_metadata
from trunkline_oauth.errors import NO_STORE, OAuthError
from trunkline_oauth.forms import address_of

MAX_BYTES = 16 * 1024
PER_MINUTE = 10
"""Limit of registrations from one address in a minute."""
_ANY_PAGE = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Content-Type"}


class Registration:
    """Answers apps that register themselves."""

    def __init__(self, context: PluginContext, apps: Apps) -> None:
        self._context = context
        self._apps = apps

    async def register(self, request: Request) -> Response:
        """Register an app, and answer with its id. The app is always a public one, even if it asked for something else."""
        try:
            await self._context.limits.count(
                address_of(self._context, request), "oauth_registrations", per_minute=PER_MINUTE
            )
            _, document = read_json(await read_body(request, limit=MAX_BYTES))
            metadata = read_metadata(document)
            app = self._apps.admit(metadata)
        except BodyInvalid as error:
            return OAuthError("invalid_client_metadata", error.detail).answer()
        except MetadataInvalid as error:
            code = "invalid_redirect_uri" if error.field == "redirect_uris" else "invalid_client_metadata"
            return OAuthError(code, f"{error}.").answer()
        except Refused as error:
            return OAuthError(
                "temporarily_unavailable", error.detail, status=error.status, headers=error.headers
            ).answer()
        content = {
            "client_id": app.client_id,
            "client_id_issued_at": self._context.clock.now_ms() // 1000,
            "client_name": app.name,
            "redirect_uris": list(app.redirect_uris),
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "scope": " ".join(app.scopes),
        }
        return JSONResponse(content, 201, headers={**NO_STORE, **_ANY_PAGE})

    async def share(self, _: Request) -> Response:
        """Allow any web page to register an app (CORS): such a request carries no person's credentials."""
        return Response(status_code=204, headers={**_ANY_PAGE, "Access-Control-Allow-Methods": "POST"})
