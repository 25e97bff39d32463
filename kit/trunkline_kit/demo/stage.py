"""``demo``, and its environment: a hub on a free port, with a temporary database or the one in the settings, and a receiver."""

import contextlib
import secrets
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from pydantic import SecretStr
from rich.console import Console

from trunkline.api import server
from trunkline.cli.loop import run
from trunkline.cli.output import REFUSED
from trunkline.cli.parameters import Config
from trunkline.contract import PORTAL_BASE
from trunkline.errors import SettingsInvalid
from trunkline.hub.hub import Hub
from trunkline.model.principals import OPERATOR
from trunkline.runtime import logs, stopping
from trunkline.settings import Settings, load
from trunkline_kit.demo.client import Client
from trunkline_kit.demo.scenario import Scenario
from trunkline_kit.demo.screen import JsonScreen, RunningHub, Screen
from trunkline_kit.receiver import Receiver

RETRY_SCHEDULE_SECONDS = (1.0, 1.0, 2.0, 5.0)
_PAUSE_SECONDS = 0.12
"""Pause between two events if a person watches."""


def demo(
    stop: Annotated[bool, typer.Option("--exit", help="Stop when it is done, instead of at Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary alone, as JSON.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port of the API; a free one, if unset.")
    ] = 0,
    config: Config = None,
) -> None:
    """Show the hub at work: every event type accepted, pushed, verified, retried and polled, in a few seconds.

    It starts its own receiver, and uses a temporary database, or the one in the settings.

    Example: [bold]trunkline demo --exit[/bold]
    """
    settings = load(config)
    if not run(run_demo(settings, port=port, keep_running=not stop, as_json=as_json)):
        raise typer.Exit(REFUSED)


async def run_demo(settings: Settings, *, port: int, keep_running: bool, as_json: bool) -> bool:
    """Run the demo; return whether everything agreed. With *keep_running* the function returns only after a signal.

    Raises:
        SettingsInvalid, PluginFailed, SchemaInvalid, StoreUnavailable: the hub cannot start.
        DemoFailed: the hub refused a call that it should accept.
    """
    console = Console()
    screen = JsonScreen(console) if as_json else Screen(console)
    pause_seconds = 0 if as_json or not console.is_terminal else _PAUSE_SECONDS
    logs.set_up(settings.logging.model_copy(update={"level": "warning"}))
    with (
        server.bind("127.0.0.1", port) as listener,
        stopping.stop_signals() as stop,
        _demo_settings(settings) as (chosen, place),
    ):
        url = server.url_of(listener)
        hub = Hub(chosen)
        async with (
            server.running(hub, listener=listener),
            Receiver() as receiver,
            _scenario(hub, receiver, screen, url=url) as (api_key, scenario),
        ):
            await scenario.prepare()
            with screen:
                screen.start(scenario.rows, place=place)
                summary = await stop.unless(scenario.play(pause_seconds=pause_seconds))
            if summary is None:
                return False
            has_portal = any(routes.base == PORTAL_BASE for _, routes in hub.registry.collected.routes)
            running_hub = RunningHub(url, api_key, f"{url}{PORTAL_BASE}" if has_portal else None)
            screen.finish(summary, running_hub=running_hub if keep_running else None)
            if keep_running:
                await stop.unless(scenario.follow_pushes(screen.show_new))
            return summary.ok


@contextlib.asynccontextmanager
async def _scenario(
    hub: Hub, receiver: Receiver, screen: Screen, *, url: str
) -> AsyncGenerator[tuple[str, Scenario]]:
    """Yield a new key of company 92, and the scenario with a subscription to every type; remove both in the end."""
    run = f"demo-{secrets.token_hex(6)}"
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        record, operator_key = await hub.keys.create(None, name="trunkline demo", scopes=(OPERATOR,))
        operator = Client(http, operator_key)
        try:
            key = await operator.create_key("trunkline demo")
            client = Client(http, key.key)
            subscription_id, secret = await client.subscribe(f"{receiver.url}/{run}")
            try:
                yield key.key, Scenario(client, receiver, run=run, secret=secret, on_change=screen.update)
            finally:
                await client.unsubscribe(subscription_id)
                await operator.revoke_key(key.id)
        finally:
            await operator.revoke_key(record.id)


@contextlib.contextmanager
def _demo_settings(own: Settings) -> Generator[tuple[Settings, str]]:
    """Yield the settings for a demo and a description of its database, which is temporary unless *own* names one.

    Raises:
        SettingsInvalid: *own* chooses another product than the demo's.
    """
    if own.product.schemas is not None:
        msg = (
            "The demo shows the product that comes with trunkline, and 'product.schemas' chooses another: "
            "run it in a folder without a trunkline.toml."
        )
        raise SettingsInvalid(msg)
    loose = {
        "allow_http": True,
        "allow_private_networks": True,
        "retry_schedule_seconds": RETRY_SCHEDULE_SECONDS,
    }
    settings = own.model_copy(update={"delivery": own.delivery.model_copy(update=loose)})
    if "url" not in own.database.model_fields_set:
        with tempfile.TemporaryDirectory(prefix="trunkline-demo-") as folder:
            database = own.database.model_copy(update={"url": f"sqlite:///{Path(folder) / 'trunkline.db'}"})
            yield settings.model_copy(update={"database": database}), "a temporary SQLite database"
    elif own.database.url.startswith("sqlite"):
        yield settings, "your SQLite database"
    else:  # unset secrets get fixed values, so that a run can decrypt the data of an interrupted run
        known = SecretStr("known to everyone; good enough for a demonstration")
        filled = {name: getattr(own.auth, name) or known for name in ("pepper", "encryption_key")}
        auth = own.auth.model_copy(update=filled)
        yield settings.model_copy(update={"auth": auth}), "your PostgreSQL database"
