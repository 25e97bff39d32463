"""``export``: the documents that describe a deployment, as files."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import orjson
import typer
from typer.core import TyperGroup

from trunkline import plugins
from trunkline.access.issuers import IssuerUnavailable
from trunkline.cli import opening
from trunkline.cli.loop import run_with
from trunkline.cli.output import REFUSED, warn
from trunkline.cli.parameters import Config, argument, chosen_config
from trunkline.cli.python_export import python_module
from trunkline.cli.typescript_export import typescript_module
from trunkline.errors import TrunklineError
from trunkline.hub.connectors import find_breaking, make_files
from trunkline.schemas.catalog import EventType
from trunkline.schemas.definitions import KINDS, Definition
from trunkline.settings import Settings, load


class Exports(TyperGroup):
    """The exports: the documents, and plugins' connectors by name."""

    _described: Mapping[str, str] = MappingProxyType({})

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """List the documents, and the connectors of this deployment if its settings can be read."""
        with contextlib.suppress(TrunklineError):
            connectors = plugins.load(load(chosen_config(ctx))).collected.connectors
            self._described = {name: connector.description for name, (_, connector) in connectors.items()}
        return [*super().list_commands(ctx), *sorted(self._described)]

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """Find the document *cmd_name*; any other name is read as a connector's name."""
        document = super().get_command(ctx, cmd_name)
        return document or _connector_command(cmd_name, self._described.get(cmd_name))


app = typer.Typer(
    cls=Exports,
    no_args_is_help=True,
    epilog="All but openapi, asyncapi, python and typescript are connectors from plugins: [bold]trunkline export zapier build/zapier[/bold].",
)

Folder = Annotated[Path, argument("DIR", "Folder to write to; made if missing.", file_okay=False)]

Published = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Folder of the export that you have published, to compare with; the folder written to, if left out.",
    ),
]
AllowBreaking = Annotated[
    bool, typer.Option("--allow-breaking", help="Write an export that lacks what the published one has.")
]
_MAX_LISTED = 20


@app.command("openapi")
def export_openapi(folder: Folder, config: Config = None) -> None:
    """Write openapi.json (OpenAPI 3.1): every call of the running plugins, and the events as webhooks; openapi-3.0.json has no webhooks.

    Example: [bold]trunkline export openapi docs/[/bold]
    """
    from trunkline.api.app import create_app  # noqa: PLC0415 - which loads the web framework
    from trunkline.api.openapi import openapi  # noqa: PLC0415
    from trunkline.api.openapi_3_0 import as_3_0  # noqa: PLC0415

    hub = opening.described(load(config), with_routes=True)
    document = openapi(create_app(hub), hub.catalog, hub.settings.server.public_url)
    _write(folder / "openapi.json", document)
    _write(folder / "openapi-3.0.json", as_3_0(document))


@app.command("asyncapi")
def export_asyncapi(folder: Folder, config: Config = None) -> None:
    """Write asyncapi.json (AsyncAPI 3.1): the events, pushed and polled.

    Example: [bold]trunkline export asyncapi docs/[/bold]
    """
    from trunkline.api.asyncapi import asyncapi  # noqa: PLC0415

    hub = opening.described(load(config))
    _write(folder / "asyncapi.json", asyncapi(hub.catalog, hub.settings.server.public_url))


@app.command("python")
def export_python(folder: Folder, config: Config = None) -> None:
    """Write trunkline_hub.py: the types of your events, actions and searches, and a client with these types.

    mypy and pyright then report a wrong name or field. It needs trunkline-client.

    Example: [bold]trunkline export python src/[/bold]
    """
    _save(folder / "trunkline_hub.py", python_module(*_described(load(config))).encode())


@app.command("typescript")
def export_typescript(folder: Folder, config: Config = None) -> None:
    """Write trunkline-hub.ts: the types of your events, actions, searches and lookups, for @trunkline/client.

    tsc then reports a wrong name or field: new Client<Hub>(url, key).

    Example: [bold]trunkline export typescript src/[/bold]
    """
    module = typescript_module(*_described(load(config)))
    _save(folder / "trunkline-hub.ts", module.encode())


def _described(settings: Settings) -> tuple[str, Sequence[EventType], dict[str, Sequence[Definition]]]:
    """Return a deployment's title, its event types, and its definitions by kind."""
    hub = opening.described(settings)
    definitions: dict[str, Sequence[Definition]] = {kind: hub.operations.provided(kind) for kind in KINDS}
    return hub.deployment.brand.title, hub.catalog.types(), definitions


def _connector_command(name: str, description: str | None) -> Any:
    connectors = typer.Typer(add_completion=False)

    @connectors.command(name, short_help=description)
    def export(
        folder: Folder,
        published: Published = None,
        allow_breaking: AllowBreaking = False,
        config: Config = None,
    ) -> None:
        """Write what the platform needs to offer this deployment's events, actions and searches.

        An export that could break existing workflows is refused: an export without a trigger, an action or a field of
        the published one, with a field of another type, or with a required field that could be left out before.
        Existing files that this export does not make stay unchanged.
        """
        hub = opening.described(load(config))
        offered = hub.registry.collected.connectors
        if name not in offered:
            warn(
                f"There is nothing to export by the name '{name}'; there are: {', '.join(['asyncapi', 'openapi', 'python', 'typescript', *sorted(offered)])}"
            )
            raise typer.Exit(REFUSED)
        plugin, connector = offered[name]
        if hub.issuer is not None:
            # A connector that needs the metadata reports the failure.
            with contextlib.suppress(IssuerUnavailable):
                run_with(hub.origins, lambda _: hub.deployment.look_up_issuer())
        product = hub.deployment.product()
        if hub.settings.server.public_url is None:
            warn(f"Setting 'server.public_url' is not set, so what is written calls {product.api_url}")
        files = make_files(connector, product, plugin=plugin)
        compared = published or folder

        def read(path: str) -> bytes | None:
            with contextlib.suppress(OSError):
                return (compared / path).read_bytes()
            return None

        lost = find_breaking(connector, files, published=read, plugin=plugin)
        if lost is None and published is not None:
            warn(f"{published} has no export of '{name}' to compare with")
            raise typer.Exit(REFUSED)
        if lost and not allow_breaking:
            _warn_of_loss(lost, compared)
            raise typer.Exit(REFUSED)
        for path, content in files.items():
            _save(folder / path, content)
        for remark in connector.remarks(product) if connector.remarks else ():
            warn(f"{remark}.")

    return typer.main.get_command(connectors)


def _warn_of_loss(lost: Sequence[str], published: Path) -> None:
    for key in lost[:_MAX_LISTED]:
        warn(f"  {key}")
    if len(lost) > _MAX_LISTED:
        warn(f"  and {len(lost) - _MAX_LISTED} more")
    warn(
        f"Nothing was written: the export in {published} has these {len(lost)} things, which people may have built on, and this one "
        "has not. Bring them back, or, if nobody uses them or it was never published, export with --allow-breaking."
    )


def _write(file: Path, document: Mapping[str, Any]) -> None:
    """Write *document* as JSON, with its members in their order. Raises typer.Exit."""
    _save(file, orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _save(file: Path, content: bytes) -> None:
    """Write *content* and print its path. Raises typer.Exit."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        warn(f"{file} cannot be written: {error.strerror}")
        raise typer.Exit(REFUSED) from None
    typer.echo(str(file))
