"""The routes below ``/api/v1/oauth``: operators register apps; a company lists and ends its connected apps."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from trunkline.routes import (
    Caller,
    ListQuery,
    Maker,
    RotateSecret,
    Strict,
    StrictRoute,
    company_number,
    environment_member,
    page_of,
    requires,
    responses,
)
from trunkline_oauth.apps import Apps
from trunkline_oauth.grants import Grants
from trunkline_oauth.model import App
from trunkline_oauth.settings import (
    UNLESS_NAMED,
    AppName,
    Jwks,
    JwksUri,
    RedirectUris,
    Scopes,
    check_one_way,
)

KeySet = Annotated[Jwks | None, WithJsonSchema({"type": "object", "description": "a JSON Web Key Set"})]
KeysUri = Annotated[JwksUri | None, WithJsonSchema({"type": "string", "format": "uri"})]
Operates = Annotated[Caller, Depends(requires("operator", bucket="admin"))]
Administers = Annotated[Caller, Depends(requires("admin"))]
_A_DAY = RotateSecret()
_SECRET = "oas_Jx2yV0o5m1dH8rQfYw3tZb7nKc9uLe4aSg6iPhDk3Qw"  # noqa: S105 - an example
_APP: JsonDict = {
    "client_id": "app_5f0c9a2d1e83c55b4f0c9a2d",
    "name": "Zapier",
    "redirect_uris": ["https://zapier.com/dashboard/auth/oauth/return/App123CLIAPI/"],
    "scopes": ["events:read", "webhooks:write", "integrations:read", "integrations:write"],
    "public": False,
    "created_utc": "2026-01-28T10:30:00Z",
}


class AppRequest(Strict):
    """An app to register."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Zapier", "redirect_uris": _APP["redirect_uris"]}]}
    )

    name: AppName = Field(description="name that people see when they are asked for consent")
    redirect_uris: RedirectUris = Field(
        description="URIs to which people are redirected; they must match exactly"
    )
    scopes: Scopes = Field(
        default=list(UNLESS_NAMED),
        description="scopes that it may request; every scope of a company but `admin`, if absent",
    )
    public: bool = Field(
        default=False,
        strict=True,
        description="true for an app without a secret, such as a program on people's own machines",
    )
    jwks: KeySet = Field(
        default=None,
        description="its public keys (RFC 7517), if it authenticates with its own key (`private_key_jwt`) instead of a secret",
    )
    jwks_uri: KeysUri = Field(default=None, description="URL of its public keys, instead of `jwks`")

    @model_validator(mode="after")
    def _prove_one_way(self) -> Self:
        check_one_way(public=self.public, jwks=self.jwks, jwks_uri=self.jwks_uri)
        return self


class ChangeApp(Strict):
    """A change of an app; absent fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Zapier (EU)"}]})

    name: AppName = Field(default_factory=str, description="its new name, also shown for its connections")
    redirect_uris: RedirectUris = Field(
        default_factory=list[str], description="the whole new list; a URI that is left out is refused at once"
    )
    jwks: KeySet = Field(
        default=None, description="new public keys, for an app that authenticates with its own key"
    )
    jwks_uri: KeysUri = Field(default=None, description="new URL of its public keys")

    def changes(self) -> dict[str, object]:
        """Return the members that were sent, under the field names of ``App``."""
        uris = {"redirect_uris": tuple(dict.fromkeys(self.redirect_uris))}
        return {name: uris.get(name, getattr(self, name)) for name in self.model_fields_set}

    @model_validator(mode="after")
    def _prove_one_way(self) -> Self:
        check_one_way(jwks=self.jwks, jwks_uri=self.jwks_uri)
        return self


class AppSecret(BaseModel):
    """The new secret of an app, which is never shown again."""

    client_secret: str = Field(examples=[_SECRET], description="store it now")


class AppView(BaseModel):
    """A registered app, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_APP]})

    client_id: str
    name: str
    redirect_uris: list[str]
    scopes: list[str]
    public: bool
    jwks_uri: str | None = Field(default=None, description="URL of its public keys, if set; otherwise absent")
    created_utc: str | None = Field(description="null if it is registered in the settings")


class NewApp(AppView):
    """An app that was just registered, with its secret, which is never shown again."""

    model_config = ConfigDict(json_schema_extra={"examples": [_APP | {"client_secret": _SECRET}]})

    client_secret: str | None = Field(
        description="null for an app that is public or authenticates with its own key; store it now"
    )


class AppList(BaseModel):
    """Registered apps, those of the settings first."""

    apps: list[AppView]
    count: int
    next_cursor: str | None = Field(description="null on the last page")


class ConnectionView(BaseModel):
    """An app that is connected with a company."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "con_5f0c9a2d1e83c55b4f0c9a2d",
                    "client_id": "app_5f0c9a2d1e83c55b4f0c9a2d",
                    "app": "Zapier",
                    "company_id": 92,
                    "scopes": ["events:read", "webhooks:write"],
                    "granted_by": "Jane's key",
                    "created_by": {"kind": "key", "id": "key_9d1e83c55b4f0c9a2d5f0c9a"},
                    "belongs_to_company": False,
                    "allowed_networks": [],
                    "created_utc": "2026-01-28T10:30:00Z",
                    "last_used_utc": None,
                    "expires_utc": "2026-04-28T10:30:00Z",
                }
            ]
        }
    )

    id: str
    client_id: str
    app: str
    company_id: int
    environment: Literal["test"] | None = Field(
        default=None, description="`test` in the company's test environment; absent otherwise"
    )
    scopes: list[str]
    granted_by: str = Field(description="name of the key or the visitor that allowed it")
    created_by: Maker | None = Field(
        description="who allowed it; null for a connection from an older release"
    )
    belongs_to_company: bool = Field(
        description="false if the connection ends with the rights of the key or person that allowed it"
    )
    allowed_networks: list[str] = Field(
        description="networks from which its tokens may be used; any, if empty"
    )
    created_utc: str
    last_used_utc: str | None = Field(description="exact to five minutes; null if never used")
    expires_utc: str | None = Field(
        description="when it ends if its app gets no new tokens; null for a connection from an older release, which ends with its tokens"
    )


class ConnectionList(BaseModel):
    """A company's connected apps, newest first."""

    connections: list[ConnectionView]
    count: int
    next_cursor: str | None = Field(description="null on the last page")


class DisconnectedView(BaseModel):
    """The numbers of subscriptions and keys that ended with a connection."""

    subscriptions_disabled: int
    keys_revoked: int


class OAuthRoutes:
    """Answers operators and companies."""

    def __init__(self, apps: Apps, grants: Grants) -> None:
        self._apps = apps
        self._grants = grants

    async def register(self, body: AppRequest, caller: Operates) -> NewApp:
        """Register an app (an operator's key only). The answer is the only place where its secret is shown."""
        app, secret = await self._apps.register(**body.model_dump(), by=caller.principal)
        return NewApp(**_view(app).model_dump(exclude_unset=True), client_secret=secret)

    async def change(self, app_id: str, body: ChangeApp, caller: Operates) -> AppView:
        """Change an app that was registered here (an operator's key only)."""
        return _view(await self._apps.change(app_id, body.changes(), by=caller.principal))

    async def rotate_secret(self, app_id: str, caller: Operates, body: RotateSecret = _A_DAY) -> AppSecret:
        """Give an app a new secret (an operator's key only). Both secrets are valid during the overlap."""
        secret = await self._apps.rotate_secret(
            app_id, overlap_seconds=body.overlap_seconds, by=caller.principal
        )
        return AppSecret(client_secret=secret)

    async def list_apps(self, _: Operates, query: Annotated[ListQuery, Query()]) -> AppList:
        """List the registered apps (an operator's key only)."""
        apps, cursor = page_of(await self._apps.list(), query, name=lambda app: app.client_id)
        return AppList(apps=[_view(app) for app in apps], count=len(apps), next_cursor=cursor)

    async def remove(self, app_id: str, caller: Operates) -> None:
        """Remove an app that was registered here, and end all its connections at once (an operator's key only)."""
        await self._grants.remove_app(app_id, by=caller.principal)

    async def list_connections(
        self, caller: Administers, query: Annotated[ListQuery, Query()]
    ) -> ConnectionList:
        """List the apps that are connected with the company."""
        found = await self._grants.list(caller.company_id)
        connections, cursor = page_of(found, query, name=lambda connection: connection.id)
        views: list[ConnectionView] = []
        for connection in connections:
            consent = connection.consent
            kind = consent.granted_by_kind
            views.append(
                ConnectionView(
                    id=connection.id,
                    client_id=consent.client_id,
                    app=connection.app_name,
                    company_id=company_number(consent.company_id),
                    **environment_member(consent.company_id),
                    scopes=list(consent.scopes),
                    granted_by=consent.granted_name,
                    created_by=None if kind is None else Maker(kind=kind, id=consent.granted_by),
                    belongs_to_company=consent.ends_with is None,
                    allowed_networks=list(consent.networks),
                    created_utc=_utc(connection.created_ms),
                    last_used_utc=None if connection.last_used_ms is None else _utc(connection.last_used_ms),
                    expires_utc=None if connection.ends_ms is None else _utc(connection.ends_ms),
                )
            )
        return ConnectionList(connections=views, count=len(views), next_cursor=cursor)

    async def disconnect(self, connection_id: str, caller: Administers) -> DisconnectedView:
        """End a connection at once and for good: none of its tokens works any more.

        Its subscriptions are disabled with the reason `disconnected`, and the keys that it made are revoked.
        """
        ended = await self._grants.disconnect(
            connection_id, company_id=caller.company_id, by=caller.principal
        )
        return DisconnectedView(
            subscriptions_disabled=ended.subscriptions_disabled, keys_revoked=ended.keys_revoked
        )


def make_router(apps: Apps, grants: Grants) -> APIRouter:
    """Build the router with the routes of this module."""
    routes = OAuthRoutes(apps, grants)
    app, connection = "/apps/{app_id}", "/connections/{connection_id}"
    router = APIRouter(route_class=StrictRoute, tags=["OAuth"])
    for method, path, handler, status, operation_id, summary in (
        ("POST", "/apps", routes.register, 201, "createApp", "Register an app"),
        ("GET", "/apps", routes.list_apps, 200, "listApps", "List registered apps"),
        ("PATCH", app, routes.change, 200, "updateApp", "Change an app"),
        (
            "POST",
            f"{app}/rotate-secret",
            routes.rotate_secret,
            200,
            "rotateAppSecret",
            "Replace an app's secret",
        ),
        ("DELETE", app, routes.remove, 204, "deleteApp", "Remove an app"),
        ("GET", "/connections", routes.list_connections, 200, "listConnections", "List connected apps"),
        ("DELETE", connection, routes.disconnect, 200, "deleteConnection", "Disconnect an app"),
    ):
        changes = method in {"POST", "PATCH"} and "{" in path
        known = (401, 403, 422, 429) if method in {"POST", "PATCH"} else (401, 403, 429)
        router.add_api_route(
            path,
            handler,
            methods=[method],
            status_code=status,
            operation_id=operation_id,
            response_model_exclude_unset=True,
            summary=summary,
            responses=responses(*known, *((404,) if "{" in path else ()), *((409,) if changes else ())),
        )
    return router


def _view(app: App) -> AppView:
    return AppView(
        client_id=app.client_id,
        name=app.name,
        redirect_uris=list(app.redirect_uris),
        scopes=list(app.scopes),
        public=app.is_public,
        **({} if app.jwks_uri is None else {"jwks_uri": app.jwks_uri}),
        created_utc=None if app.created_ms is None else _utc(app.created_ms),
    )


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
