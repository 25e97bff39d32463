"""``trunkline run oauth …``: registered apps and connected ones, in the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from trunkline import PluginContext
from trunkline.routes import Command, in_environment
from trunkline_oauth.apps import Apps
from trunkline_oauth.grants import Grants
from trunkline_oauth.settings import UNLESS_NAMED

_Model = TypeVar("_Model", bound=BaseModel)
Company = Annotated[
    str, typer.Option("--company", metavar="COMPANY", help="The company, by its id or its reference.")
]
Environment = Annotated[
    str, typer.Option("--environment", metavar="live|test", help="The company's environment.")
]
ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The app's id, app_….")]
ConnectionId = Annotated[str, typer.Argument(metavar="ID", help="The connection's id, con_….")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The app's name, as people know it.")]
RedirectUris = Annotated[
    list[str],
    typer.Argument(
        metavar="REDIRECT_URI…", help="URI to which people are redirected; it must match exactly."
    ),
]
Scopes = Annotated[
    list[str],
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="A scope that it may request; may be repeated. Default: all but admin.",
    ),
]
NewName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Its new name.")]
NewRedirectUris = Annotated[
    list[str] | None,
    typer.Option("--redirect-uri", metavar="URI", help="All its redirect URIs; may be repeated."),
]
JwksUri = Annotated[
    str | None,
    typer.Option(
        "--jwks-uri",
        metavar="URL",
        help="URL of its public keys, if it authenticates with its own key instead of a secret.",
    ),
]
Overlap = Annotated[
    int,
    typer.Option(
        "--overlap-seconds", min=0, max=30 * 86_400, metavar="N", help="How long the old secret is valid."
    ),
]
Public = Annotated[bool, typer.Option("--public", help="An app without a secret, as it cannot keep one.")]


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
    jwks_uri: JwksUri = None,
) -> str:
    """Register an app, and show its id and its secret. The secret is not shown again."""
    from trunkline_oauth.api_routes import AppRequest  # noqa: PLC0415 - which loads the web framework

    values = {"name": name, "redirect_uris": redirect_uris, "scopes": scope, "public": public}
    wanted = _read(AppRequest, values | ({"jwks_uri": jwks_uri} if jwks_uri else {}))
    app, secret = await Apps(context).register(**wanted.model_dump())
    return _lines([("client_id", app.client_id), *([("client_secret", secret)] if secret else [])])


async def change_app(
    context: PluginContext,
    client_id: ClientId,
    *,
    name: NewName = None,
    redirect_uri: NewRedirectUris = None,
    jwks_uri: JwksUri = None,
) -> str:
    """Change an app that was registered here."""
    from trunkline_oauth.api_routes import ChangeApp  # noqa: PLC0415

    values = {"name": name, "redirect_uris": redirect_uri, "jwks_uri": jwks_uri}
    wanted = _read(ChangeApp, {option: value for option, value in values.items() if value})
    app = await Apps(context).change(client_id, wanted.changes())
    return _lines([(app.client_id, app.name, *app.redirect_uris)])


async def rotate_secret(
    context: PluginContext, client_id: ClientId, *, overlap_seconds: Overlap = 86_400
) -> str:
    """Give an app a new secret, and show it once. The old secret is valid during the overlap."""
    return await Apps(context).rotate_secret(client_id, overlap_seconds=overlap_seconds)


async def remove_app(context: PluginContext, client_id: ClientId) -> str:
    """Remove an app that was registered here, and end all its connections at once."""
    await Grants(context, Apps(context)).remove_app(client_id)
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
    """End a connection at once and for good, with the subscriptions and keys that it made."""
    of_company = await _company(context, company, environment)
    ended = await Grants(context, Apps(context)).disconnect(connection, company_id=of_company)
    return (
        f"{connection} has ended; of what it made, {ended.subscriptions_disabled} subscriptions are disabled and "
        f"{ended.keys_revoked} keys revoked."
    )


COMMANDS = (
    Command("apps", list_apps),
    Command("register", register_app),
    Command("change", change_app),
    Command("rotate-secret", rotate_secret),
    Command("remove", remove_app),
    Command("connections", list_connections),
    Command("disconnect", disconnect),
)


def _read(model: type[_Model], values: Mapping[str, object]) -> _Model:
    """Check options with *model*, in the same way as the API checks a body. Raises BadParameter."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        said = fault["msg"].removeprefix("Value error, ")
        msg = f"{' '.join(map(str, fault['loc']))}: {said}"
        raise typer.BadParameter(msg) from None


async def _company(context: PluginContext, company: str, environment: str) -> int:
    if environment not in {"live", "test"}:
        msg = f"must be live or test, not '{environment}'"
        raise typer.BadParameter(msg, param_hint="--environment")
    found = await context.companies.find(int(company) if company.isdecimal() else company)
    return in_environment(found, environment)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("\t".join("".join(filter(str.isprintable, cell)) for cell in row) for row in rows)
