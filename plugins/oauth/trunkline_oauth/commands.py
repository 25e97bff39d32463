"""``trunkline run oauth …``: registered apps and connected ones, in the terminal."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from pydantic import ValidationError

from trunkline import PluginContext
from trunkline.routes import Command, in_environment
from trunkline_oauth.api_routes import AppRequest
from trunkline_oauth.apps import Apps
from trunkline_oauth.grants import Grants
from trunkline_oauth.settings import UNLESS_NAMED

Company = Annotated[
    str, typer.Option("--company", metavar="COMPANY", help="The company, by its id or its reference.")
]
Environment = Annotated[
    str, typer.Option("--environment", metavar="live|test", help="Which of the company's environments.")
]
ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The app's id, app_….")]
ConnectionId = Annotated[str, typer.Argument(metavar="ID", help="The connection's id, con_….")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The app's name, as people know it.")]
RedirectUris = Annotated[
    list[str],
    typer.Argument(metavar="REDIRECT_URI…", help="Where people are led back to, letter by letter."),
]
Scopes = Annotated[
    list[str],
    typer.Option(
        "--scope", metavar="SCOPE", help="What it may ask for; may be repeated. Default: all but admin."
    ),
]
Public = Annotated[bool, typer.Option("--public", help="It has no secret, as it cannot keep one.")]


async def list_apps(context: PluginContext) -> str:
    """List the registered apps: id, name, scopes."""
    return _lines((app.client_id, app.name, " ".join(app.scopes)) for app in await Apps(context).list())


async def register_app(
    context: PluginContext,
    name: Name,
    redirect_uris: RedirectUris,
    *,
    scope: Scopes = list(UNLESS_NAMED),  # noqa: B006 - Typer reads it, and nobody changes it
    public: Public = False,
) -> str:
    """Register an app, and show its id and, this once, its secret."""
    try:
        wanted = AppRequest(name=name, redirect_uris=redirect_uris, scopes=scope, public=public)
    except ValidationError as error:
        fault = error.errors()[0]
        said = fault["msg"].removeprefix("Value error, ")
        msg = f"{' '.join(map(str, fault['loc']))}: {said}"
        raise typer.BadParameter(msg) from None
    app, secret = await Apps(context).register(
        name=wanted.name, redirect_uris=wanted.redirect_uris, scopes=wanted.scopes, is_public=wanted.public
    )
    return _lines([("client_id", app.client_id), *([("client_secret", secret)] if secret else [])])


async def remove_app(context: PluginContext, client_id: ClientId) -> str:
    """Remove an app that was registered here, and end all its connections at once."""
    await Apps(context).remove(client_id)
    return f"{client_id} is removed, and its connections have ended."


async def list_connections(
    context: PluginContext, *, company: Company, environment: Environment = "live"
) -> str:
    """List the apps that are connected with a company: id, app, scopes, who allowed it."""
    of_company = await _company(context, company, environment)
    listed = await Grants(context, Apps(context)).list(of_company)
    return _lines(
        (one.id, one.app_name, " ".join(one.consent.scopes), one.consent.granted_name) for one in listed
    )


async def disconnect(
    context: PluginContext, connection: ConnectionId, *, company: Company, environment: Environment = "live"
) -> str:
    """End a connection at once and for good: none of its tokens works any more."""
    of_company = await _company(context, company, environment)
    await Grants(context, Apps(context)).disconnect(connection, company_id=of_company)
    return f"{connection} has ended."


COMMANDS = (
    Command("apps", list_apps),
    Command("register", register_app),
    Command("remove", remove_app),
    Command("connections", list_connections),
    Command("disconnect", disconnect),
)


async def _company(context: PluginContext, company: str, environment: str) -> int:
    if environment not in {"live", "test"}:
        msg = f"must be live or test, not '{environment}'"
        raise typer.BadParameter(msg, param_hint="--environment")
    found = await context.companies.find(int(company) if company.isdecimal() else company)
    return in_environment(found, environment)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("\t".join(row) for row in rows)
