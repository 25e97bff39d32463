"""``export``: the documents that describe a deployment, as files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from trunkline.cli import opening
from trunkline.cli.options import Config, load_settings
from trunkline.cli.output import REFUSED, warn

app = typer.Typer(no_args_is_help=True, help="Write what describes this deployment to files.")

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", file_okay=False, help="Folder to write to; made if missing.")
]


@app.command("openapi")
def export_openapi(context: typer.Context, folder: Folder, config: Config = None) -> None:
    """Write openapi.json (OpenAPI 3.1): every call of the plugins that run, and the events as webhooks.

    Example: [bold]trunkline export openapi docs/[/bold]
    """
    from trunkline.api import documents  # noqa: PLC0415 - here, so that --help need not load the API
    from trunkline.app import create_app  # noqa: PLC0415

    hub = opening.inspected(load_settings(context, config))
    _write(folder / "openapi.json", documents.openapi(create_app(hub)))


@app.command("asyncapi")
def export_asyncapi(context: typer.Context, folder: Folder, config: Config = None) -> None:
    """Write asyncapi.json (AsyncAPI 3.0): the events, one channel a type.

    Example: [bold]trunkline export asyncapi docs/[/bold]
    """
    from trunkline.api import documents  # noqa: PLC0415 - here, so that --help need not load the API

    hub = opening.inspected(load_settings(context, config))
    _write(folder / "asyncapi.json", documents.asyncapi(hub.catalog, hub.settings.server.public_url))


def _write(file: Path, document: Mapping[str, Any]) -> None:
    """Write *document* in the order in which it was made, the same each time. Raises typer.Exit."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        warn(f"{file} cannot be written: {error.strerror}")
        raise typer.Exit(REFUSED) from None
    typer.echo(str(file))
