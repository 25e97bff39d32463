"""``keys``: making and revoking API keys directly in the database."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.access.key_service import view
from trunkline.access.key_terms import DEFAULT_OVERLAP_SECONDS, MAX_OVERLAP_SECONDS
from trunkline.cli import desk, opening
from trunkline.cli.loop import command, run_with
from trunkline.cli.options import AsJson, Environment, OptionalCompany, id_or_none
from trunkline.cli.output import show_json, show_list, shown_company, warn
from trunkline.cli.parameters import Config, argument, option
from trunkline.cli.streams import require_output
from trunkline.model.environments import LIVE, company_title
from trunkline.model.principals import COMPANY_SCOPES, EVENTS_WRITE, OPERATOR
from trunkline.settings import load
from trunkline.store.keys import KeyRecord

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Option(help="What the key is for, in a few words.")]
Scopes = Annotated[list[str], option("--scope", "SCOPE", f"May be repeated: {', '.join(COMPANY_SCOPES)}.")]
Operator = Annotated[
    bool,
    typer.Option(
        "--operator",
        help=f"The platform's own key, which may do everything; with --scope {EVENTS_WRITE} it may only emit events, of every "
        "company.",
    ),
]
Expires = Annotated[str | None, option("--expires", "TIME", "ISO 8601 time at which it expires.")]
Id = Annotated[str, argument("ID", "The key's id, as 'keys list' shows it.")]
Networks = Annotated[
    list[str] | None,
    option("--network", "NETWORK", "An address or network from which it may be used. May be repeated."),
]


@app.command("create")
def create_key(
    name: Name,
    company: OptionalCompany = None,
    environment: Environment = LIVE,
    scope: Scopes = [],  # noqa: B006 - Typer copies it
    operator: Operator = False,
    expires: Expires = None,
    network: Networks = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make a key, and print only the key on standard output; it is never shown again.

    Example: [bold]trunkline keys create --company 92 --name Zapier --scope events:read --scope webhooks:write[/bold]
    """
    if operator == (company is not None):
        msg = "name a company with --company, or make the platform's own key with --operator"
        raise typer.BadParameter(msg)
    if operator and environment != LIVE:
        msg = "an operator's key is for both environments; leave --environment out"
        raise typer.BadParameter(msg)
    if operator and scope not in ([], [EVENTS_WRITE]):
        msg = f"a key of --operator may do everything: leave --scope out, or give --scope {EVENTS_WRITE} alone for one that only emits"
        raise typer.BadParameter(msg)
    if not 1 <= len(name.strip()) <= 200:
        raise typer.BadParameter("--name takes 1 to 200 characters")
    scopes = scope or [OPERATOR] if operator else scope
    require_output()

    async def create(hub: "desk.Desk | Hub") -> tuple[KeyRecord, str]:
        company_id = await id_or_none(hub.directory, company, environment)
        return await hub.keys.create(
            company_id, name=name, scopes=scopes, expires_utc=expires, networks=network or ()
        )

    settings = load(config)
    if desk.has_only_own_plugins(settings):
        made = run_with(desk.opened(settings, makes_keys=True), create)
    else:  # such a plugin may add event types, and a new key is pinned to the versions of all of them
        made = run_with(opening.opened(settings), create)
    _show_made(*made, as_json=as_json)


@command(app, "rotate", partial(desk.opened, makes_keys=True))
async def rotate_key(
    hub: desk.Desk,
    key_id: Id,
    overlap_seconds: Annotated[
        int,
        typer.Option(
            "--overlap-seconds",
            min=0,
            max=MAX_OVERLAP_SECONDS,
            help="How long the old key is valid beside the new one; 0 revokes it at once.",
        ),
    ] = DEFAULT_OVERLAP_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Replace a key with a new one with the same name, scopes and networks, and print the new key.

    The old key ends later.

    Example: [bold]trunkline keys rotate key_5f0c9a2d1e83c55b4f0c9a2d --overlap-seconds 3600[/bold]
    """
    require_output()
    made = await hub.keys.rotate(key_id, company_id=None, by=desk.HERE, overlap_seconds=overlap_seconds)
    _show_made(*made, as_json=as_json)


@command(app, "list", desk.opened)
async def list_keys(
    hub: desk.Desk, company: OptionalCompany = None, environment: Environment = LIVE, as_json: AsJson = False
) -> None:
    """List keys, oldest first, without their secrets.

    Example: [bold]trunkline keys list --company 92[/bold]
    """
    records = await hub.keys.list(await id_or_none(hub.directory, company, environment))
    views = [view(record) for record in records]
    columns = [
        "id",
        "company",
        "name",
        "scopes",
        "ends in",
        "created",
        "made by",
        "last used",
        "revoked",
        "expires",
        "networks",
    ]
    rows: list[list[str]] = []
    for shown in views:
        cells = {**shown, "company_id": None if shown["company_id"] is None else shown_company(shown)}
        rows.append([_cell(value) for name, value in cells.items() if name != "environment"])
    show_list("keys", views, columns, rows, as_json=as_json)


@command(app, "revoke", desk.opened)
async def revoke_key(hub: desk.Desk, key_id: Id) -> None:
    """Revoke a key, at once and permanently.

    Example: [bold]trunkline keys revoke key_5f0c9a2d1e83c55b4f0c9a2d[/bold]
    """
    await hub.keys.revoke(key_id, company_id=None)
    warn(f"Key {key_id} is revoked.")


def _show_made(record: KeyRecord, key: str, *, as_json: bool) -> None:
    if as_json:
        show_json({**view(record), "key": key})
        return
    typer.echo(key)
    if record.company_id is not None:
        owner = f"of {company_title(record.company_id)}"
    else:
        owner = "of the operator" if OPERATOR in record.scopes else "that emits events of every company"
    warn(f"Key {record.id} {owner}. Keep it now: it is stored only as a digest and never shown again.")


def _cell(value: object) -> str:
    if isinstance(value, dict):  # the maker of the key
        value = [part for part in value.values() if part is not None]
    if isinstance(value, list):
        return " ".join(str(part) for part in value)
    return "-" if value is None else str(value)
