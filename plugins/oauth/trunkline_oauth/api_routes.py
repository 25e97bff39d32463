"""Below ``/api/v1/oauth``: operators register apps; a company lists and ends what is connected with it."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from trunkline.routes import (
    Caller,
    Strict,
    StrictRoute,
    company_number,
    environment_member,
    requires,
    responses,
)
from trunkline_oauth.apps import Apps
from trunkline_oauth.grants import Grants
from trunkline_oauth.model import App, Connection
from trunkline_oauth.settings import UNLESS_NAMED, AppName, RedirectUris, Scopes

Operates = Annotated[Caller, Depends(requires("operator", bucket="admin"))]
Administers = Annotated[Caller, Depends(requires("admin"))]
_APP: JsonDict = {
    "client_id": "app_5f0c9a2d1e83c55b4f0c9a2d",
    "name": "Zapier",
    "redirect_uris": ["https://zapier.com/dashboard/auth/oauth/return/App123CLIAPI/"],
    "scopes": ["events:read", "webhooks:write", "integrations:read", "integrations:write"],
    "public": False,
    "created_utc": "2026-01-28T10:30:00Z",
}


class AppRequest(Strict):
    """An app to be registered."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Zapier", "redirect_uris": _APP["redirect_uris"]}]}
    )

    name: AppName = Field(description="what people are asked about: its name, as they know it")
    redirect_uris: RedirectUris = Field(description="where people are led back to, letter by letter")
    scopes: Scopes = Field(
        default=list(UNLESS_NAMED),
        description="what it may ask for; every scope of a company but `admin`, if absent",
    )
    public: bool = Field(
        default=False,
        strict=True,
        description="whether it has no secret, as a program on people's own machines cannot keep one",
    )


class AppView(BaseModel):
    """A registered app, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_APP]})

    client_id: str
    name: str
    redirect_uris: list[str]
    scopes: list[str]
    public: bool
    created_utc: str | None = Field(description="null where the settings register it")


class NewApp(AppView):
    """An app that was just registered, with its secret, which is never shown again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [_APP | {"client_secret": "oas_Jx2yV0o5m1dH8rQfYw3tZb7nKc9uLe4aSg6iPhDk3Qw"}]
        }
    )

    client_secret: str | None = Field(description="null for a public app; keep it now")


class AppList(BaseModel):
    """Registered apps, those of the settings first."""

    apps: list[AppView]
    count: int


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
                    "created_utc": "2026-01-28T10:30:00Z",
                    "last_used_utc": None,
                }
            ]
        }
    )

    id: str
    client_id: str
    app: str
    company_id: int
    environment: Literal["test"] | None = Field(
        default=None, description="`test` where it is of the company's test environment; absent otherwise"
    )
    scopes: list[str]
    granted_by: str = Field(description="the name of the key, or of the visitor, who allowed it")
    created_utc: str
    last_used_utc: str | None = Field(description="exact to five minutes; null if never used")


class ConnectionList(BaseModel):
    """A company's connected apps, newest first."""

    connections: list[ConnectionView]
    count: int


class OAuthRoutes:
    """Answers operators and companies."""

    def __init__(self, apps: Apps, grants: Grants) -> None:
        self._apps = apps
        self._grants = grants

    async def register(self, body: AppRequest, _: Operates) -> NewApp:
        """Register an app (an operator's key only). The answer is the only place where its secret is shown."""
        app, secret = await self._apps.register(
            name=body.name, redirect_uris=body.redirect_uris, scopes=body.scopes, is_public=body.public
        )
        return NewApp(**_view(app).model_dump(), client_secret=secret)

    async def list_apps(self, _: Operates) -> AppList:
        """List the registered apps (an operator's key only)."""
        views = [_view(app) for app in await self._apps.list()]
        return AppList(apps=views, count=len(views))

    async def remove(self, app_id: str, _: Operates) -> None:
        """Remove an app that was registered here, and end all its connections at once (an operator's key only)."""
        await self._apps.remove(app_id)

    async def list_connections(self, caller: Administers) -> ConnectionList:
        """List the apps that are connected with the company."""
        views = [_connection_view(connection) for connection in await self._grants.list(caller.company_id)]
        return ConnectionList(connections=views, count=len(views))

    async def disconnect(self, connection_id: str, caller: Administers) -> None:
        """End a connection at once and for good: none of its tokens works any more."""
        await self._grants.disconnect(connection_id, company_id=caller.company_id)


def make_router(apps: Apps, grants: Grants) -> APIRouter:
    """List the routes."""
    routes = OAuthRoutes(apps, grants)
    router = APIRouter(route_class=StrictRoute, tags=["OAuth"])
    for method, path, handler, status, summary in (
        ("POST", "/apps", routes.register, 201, "Register an app"),
        ("GET", "/apps", routes.list_apps, 200, "List registered apps"),
        ("DELETE", "/apps/{app_id}", routes.remove, 204, "Remove an app"),
        ("GET", "/connections", routes.list_connections, 200, "List connected apps"),
        ("DELETE", "/connections/{connection_id}", routes.disconnect, 204, "Disconnect an app"),
    ):
        known = (401, 403, 422, 429) if method == "POST" else (401, 403, 429)
        router.add_api_route(
            path,
            handler,
            methods=[method],
            status_code=status,
            response_model_exclude_unset=True,
            summary=summary,
            responses=responses(*known, *((404,) if "{" in path else ())),
        )
    return router


def _view(app: App) -> AppView:
    return AppView(
        client_id=app.client_id,
        name=app.name,
        redirect_uris=list(app.redirect_uris),
        scopes=list(app.scopes),
        public=app.is_public,
        created_utc=None if app.created_ms is None else _utc(app.created_ms),
    )


def _connection_view(connection: Connection) -> ConnectionView:
    consent = connection.consent
    return ConnectionView(
        id=connection.id,
        client_id=consent.client_id,
        app=connection.app_name,
        company_id=company_number(consent.company_id),
        **environment_member(consent.company_id),
        scopes=list(consent.scopes),
        granted_by=consent.granted_name,
        created_utc=_utc(connection.created_ms),
        last_used_utc=None if connection.last_used_ms is None else _utc(connection.last_used_ms),
    )


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
