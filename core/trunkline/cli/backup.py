"""``backup`` and ``restore`` of an SQLite database with its secrets; a hub may use the database during a backup."""

from pathlib import Path
from typing import Annotated

import typer

from trunkline.cli.log import told
from trunkline.cli.loop import run_with
from trunkline.cli.output import warn
from trunkline.cli.parameters import Config, argument
from trunkline.errors import DatabaseUnfit, SettingsInvalid
from trunkline.settings import Settings, load
from trunkline.store import copies, dialects, epochs, file_state, migrate
from trunkline.store.engines import EngineDatabase
from trunkline.store.epochs import Advanced
from trunkline.store.serving import keep_state

Target = Annotated[Path, argument("FILE", "File to write; the secrets are written to FILE.secrets.")]
Source = Annotated[Path, argument("FILE", "A file that 'trunkline backup' wrote.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace the existing database; the hub must be stopped.")
]


def backup(file: Target, config: Config = None) -> None:
    """Copy an SQLite database and its secrets to FILE. A hub may run meanwhile.

    Example: [bold]trunkline backup /backups/hub-monday.db[/bold]
    """
    database = _embedded(load(config), "pg_dump")
    if not database.exists():
        msg = f"There is no database at {database} to back up; check database.url."
        raise SettingsInvalid(msg)
    _copy(database, file, secrets=_secrets_of(file))
    typer.echo(str(file))


def restore(file: Source, replace: Replace = False, config: Config = None) -> None:
    """Replace the SQLite database with a backup; the hub must be stopped.

    The restored log continues after every id that the lost log may have given out.

    Example: [bold]trunkline restore /backups/hub-monday.db --replace[/bold]
    """
    settings = load(config)
    database = _embedded(settings, "pg_restore, then trunkline log advance,")
    if not file.exists():
        msg = f"There is no backup at {file}."
        raise SettingsInvalid(msg)
    if database.exists():
        if not replace:
            msg = f"There is a database at {database} already; add --replace to replace it with the backup."
            raise SettingsInvalid(msg)
        if copies.is_in_use(database):
            msg = f"A process works on {database}; stop it first."
            raise DatabaseUnfit(msg)
    real = database.resolve()  # a link stays, but the secrets are beside it: ``serve`` looks for them there
    kept_secrets = _secrets_of(database).resolve()
    draft, secrets = Path(f"{real}.restoring"), Path(f"{kept_secrets}.restoring")
    _remove(draft, secrets)
    try:
        _copy(file, draft, secrets=secrets)
        kept = file_state.read(real)
        past = max(copies.head_of(real), 0 if kept is None else kept.head)
        shards = settings.delivery.shards

        async def advance(database: EngineDatabase) -> Advanced:
            await migrate.upgrade(database, shards=shards)  # a backup of an earlier version lacks the columns
            async with database.write() as connection:
                return await epochs.advance(connection, past=past)

        advanced = run_with(EngineDatabase(f"sqlite:///{draft}"), advance)
        if secrets.exists():
            secrets.replace(kept_secrets)
        copies.put_in_place(draft, real)
    finally:
        _remove(draft, secrets)
    keep_state(real, is_clean=True)
    typer.echo(str(database))
    warn(told(advanced))


def _remove(draft: Path, secrets: Path) -> None:
    for left in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm"), secrets):
        left.unlink(missing_ok=True)


def _copy(source: Path, target: Path, *, secrets: Path) -> None:
    """Copy a database, and then its secrets, which can so decrypt all of the copy. If this fails, neither file is left."""
    try:
        copies.copy_database(source, target)
    except OSError as error:
        msg = f"The file {target} cannot be made: {error.strerror}."
        raise SettingsInvalid(msg) from None
    of_source, doing = _secrets_of(source), "read"
    try:
        if of_source.exists():
            content = of_source.read_bytes()
            doing = "made"
            secrets.unlink(missing_ok=True)
            secrets.touch(mode=0o600)
            secrets.write_bytes(content)
    except OSError as error:
        _remove(target, secrets)
        msg = f"The file {of_source if doing == 'read' else secrets} cannot be {doing}: {error.strerror}."
        raise SettingsInvalid(msg) from None


def _secrets_of(database: Path) -> Path:
    return Path(f"{database}.secrets")


def _embedded(settings: Settings, instead: str) -> Path:
    file = dialects.of_url(settings.database.url).file_of(settings.database.url)
    if file is None:
        msg = f"This command is for an SQLite file; use {instead} for PostgreSQL."
        raise SettingsInvalid(msg)
    return file
