"""``secrets``: checking the pepper and the encryption key against the database, and replacing them."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated

import typer
from msgspec import Struct, field, to_builtins

from trunkline.access import secret_checks
from trunkline.access.secret_checks import ENCRYPTION_KEY, PEPPER, SecretChecks
from trunkline.access.secret_replacement import SecretReplacement
from trunkline.access.secrets_file import NAMES, SecretSource
from trunkline.access.vault import Vault
from trunkline.cli.connecting import ready
from trunkline.cli.loop import command, run_with
from trunkline.cli.options import AsJson
from trunkline.cli.output import CANNOT_START, REFUSED, show_json, show_table, warn
from trunkline.cli.parameters import Config
from trunkline.settings import Settings, load
from trunkline.store import secrets as store
from trunkline.store.database import Database

app = typer.Typer(no_args_is_help=True)

_SHOWN = 20
"""The maximum number of subscriptions that are named because their secrets cannot be decrypted."""

Pepper = Annotated[bool, typer.Option("--pepper", help="Only the pepper.")]
EncryptionKey = Annotated[bool, typer.Option("--encryption-key", help="Only the encryption key.")]
Lost = Annotated[
    bool,
    typer.Option(
        "--lost",
        help="The old secret is lost: use the new one anyway. Data that only the old secret opened or verified become useless.",
    ),
]


class _State(Struct, frozen=True):
    """The state of one secret: how many rows use its current value and other values, and the rows that cannot be decrypted."""

    name: str
    is_ours: bool = field(name="is_the_databases")
    current: int = field(name="under_it")
    others: int = field(name="under_others")
    unreadable: tuple[str, ...] = field(default=(), name="do_not_open")


_Opened = tuple[SecretReplacement, Database, Vault]


@contextlib.asynccontextmanager
async def _opened(settings: Settings, *, is_lost: bool = False) -> AsyncGenerator[_Opened]:
    async with ready(settings) as database:
        source = SecretSource(settings.auth, settings.database.url)
        vault = Vault.of_source(source, is_lost=is_lost)
        yield SecretReplacement(database, source=source, vault=vault), database, vault


@command(app, "check", _opened)
async def check(opened: _Opened, as_json: AsJson = False) -> None:
    """Check whether the secrets fit the database, and show which data need other secrets or cannot be decrypted.

    Exit codes: 0 all is well, 1 something is to be fixed or old secrets are still needed, 2 a secret is wrong.

    Example: [bold]trunkline secrets check[/bold]
    """
    replacement, database, vault = opened
    async with database.read() as connection:
        wrong = secret_checks.unfit(vault, await store.checks(connection))
    if not wrong:
        await SecretChecks(database, vault).verify()
    states = [await _state(replacement, name, is_ours=name not in wrong) for name in NAMES]
    if as_json:
        show_json({"secrets": to_builtins(states)})
    else:
        rows = [
            [
                f"auth.{state.name}",
                "yes" if state.is_ours else "NO",
                f"{state.current:,}",
                f"{state.others:,}",
                f"{len(state.unreadable):,}",
            ]
            for state in states
        ]
        show_table(["secret", "is the database's", "under it", "under others", "do not open"], rows)
    for state in states:
        _warn_of(state)
    if not all(state.is_ours for state in states):
        raise typer.Exit(CANNOT_START)
    if any(state.others or state.unreadable for state in states):
        raise typer.Exit(REFUSED)


@app.command("rotate")
def rotate(
    pepper: Pepper = False, encryption_key: EncryptionKey = False, lost: Lost = False, config: Config = None
) -> None:
    """Replace the pepper and the encryption key, or only one of them. Processes may run meanwhile.

    If the secrets are in the file next to an SQLite database, this command makes the new ones. If they are in the
    settings, replace them there first, for every process. This command then encrypts again all data that the old key
    encrypted.

    Example: [bold]trunkline secrets rotate --encryption-key[/bold]
    """
    chosen = [name for name, is_chosen in ((ENCRYPTION_KEY, encryption_key), (PEPPER, pepper)) if is_chosen]
    lines: list[str] = []

    async def replace(opened: _Opened) -> list[_State]:
        replacement, database, vault = opened
        if not lost:
            await SecretChecks(database, vault).verify()
        states: list[_State] = []
        for name in chosen or (ENCRYPTION_KEY, PEPPER):
            is_new = await replacement.renew_in_file(name)
            has_begun = await replacement.has_begun(name)
            if is_new:
                lines.append(
                    f"Made a new {name.replace('_', ' ')}; the one before is kept beside it in the file."
                )
            elif not has_begun:
                lines.append(
                    f"auth.{name} is the database's already. To give a new one for it: add the new one to auth.other_{name}s "
                    f"of every process, then exchange the two in every process, then run this again."
                )
            if name == ENCRYPTION_KEY:
                written = await replacement.replace_encryption_key()
                state = await _state(replacement, name, is_ours=True)
                lines.append(f"Sealed {written:,} subscriptions again; {state.current:,} are sealed with it.")
            else:
                await replacement.replace_pepper()
                state = await _state(replacement, name, is_ours=True)
                lines.append(
                    f"{state.current:,} keys stand under it; {state.others:,} follow when they are next used, and need the old one until then."
                )
            states.append(state)
        return states

    states = run_with(_opened(load(config), is_lost=lost), replace)
    for line in lines:
        typer.echo(line)
    for state in states:
        _warn_of(state)
    if any(state.unreadable for state in states):
        raise typer.Exit(REFUSED)


@command(app, "forget", _opened)
async def forget(opened: _Opened) -> None:
    """Remove old secrets from the file next to an SQLite database.

    The command is refused while one of them is still needed.

    Example: [bold]trunkline secrets forget[/bold]
    """
    replacement, database, vault = opened
    await SecretChecks(database, vault).verify()
    states = [await _state(replacement, name, is_ours=True) for name in NAMES]
    needed = [state for state in states if state.others]
    for state in needed:
        warn(_others_sentence(state))
    if needed:
        raise typer.Exit(REFUSED)
    if await replacement.forget_others():
        typer.echo("The file keeps no old secret.")
    else:
        typer.echo("The settings have the secrets, so no file has old ones to forget.")


async def _state(replacement: SecretReplacement, name: str, *, is_ours: bool) -> _State:
    if name == PEPPER:
        digested = await replacement.count_digested()
        return _State(name, is_ours, digested.current, digested.others)
    sealed = await replacement.count_sealed()
    return _State(name, is_ours, sealed.current, sealed.others, sealed.unreadable)


def _warn_of(state: _State) -> None:
    if not state.is_ours:
        warn(f"Setting 'auth.{state.name}': is not that of this database.")
    elif state.others:
        warn(_others_sentence(state))
    if state.is_ours and state.unreadable:
        more = ", …" if len(state.unreadable) > _SHOWN else ""
        warn(
            f"The secrets of {len(state.unreadable):,} subscriptions do not open: {', '.join(state.unreadable[:_SHOWN])}{more}. "
            "Restore the key that sealed them to auth.other_encryption_keys, or rotate the secret of each."
        )


def _others_sentence(state: _State) -> str:
    things, remedy = "subscriptions", "run 'trunkline secrets rotate --encryption-key'"
    if state.name == PEPPER:
        things = "keys that are not revoked"
        remedy = "each follows when it is next used; revoke those that nobody uses"
    return f"{state.others:,} {things} stand under another {state.name.replace('_', ' ')}: {remedy}."
