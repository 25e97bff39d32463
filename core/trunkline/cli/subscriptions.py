"""``subscriptions``: managing subscriptions directly in the database. Running processes notice changes at once.

The options of a subscription are the API's; ``subscribing.options`` declares their names and values.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from trunkline.cli import opening, reading
from trunkline.cli.loop import run_with
from trunkline.cli.options import AsJson, Chosen, Company, Environment, SubscriptionId, Yes, id_of
from trunkline.cli.output import show_json, show_list, show_members, warn
from trunkline.cli.parameters import Config, option
from trunkline.cli.streams import require_output
from trunkline.contract.targets import shown_channel
from trunkline.model.environments import LIVE
from trunkline.settings import load

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

CHANNEL = "webhooks"
DAY_SECONDS = 86_400

app = typer.Typer(no_args_is_help=True, help="Make, list, show, change, try and delete subscriptions.")

ChannelName = Annotated[str, option("--channel", "NAME", "Its channel.")]
Url = Annotated[
    str | None, option("--url", "URL", "URL to which its events are posted, on a channel that posts.")
]
Target = Annotated[
    list[str] | None,
    option(
        "--target",
        "NAME=VALUE",
        "A member of its target, on a channel that declares targets, such as host=redis.example.com; may be repeated. "
        "NAME=- reads a line of standard input, for a secret.",
    ),
]
Types = Annotated[
    str | None, option("--types", "TYPE,…", "Event types, groups of them (invoice.*), or * for all.")
]
Options = Annotated[
    list[str] | None,
    option(
        "--option",
        "NAME=JSON",
        "Any other option of the API's body, such as rate='\"50/second\"'; may be repeated.",
    ),
]


@app.command("list")
def list_subscriptions(
    company: Company, environment: Environment = LIVE, as_json: AsJson = False, config: Config = None
) -> None:
    """List the subscriptions of a company, of every channel, oldest first.

    Example: [bold]trunkline subscriptions list --company 92[/bold]
    """

    async def read(hub: reading.Readings) -> list[dict[str, Any]]:
        company_id = await id_of(hub.directory, Chosen(company, environment))
        return await hub.subscriptions.list(company_id, channel=None)

    views = run_with(reading.opened(load(config)), read)
    rows = [
        [view["id"], view["channel"], view["health"], ",".join(view["event_types"]), view["target_url"]]
        for view in views
    ]
    columns = ["id", "channel", "health", "event types", "target"]
    show_list("subscriptions", views, columns, rows, as_json=as_json)


@app.command("show")
def show_subscription(subscription: SubscriptionId, as_json: AsJson = False, config: Config = None) -> None:
    """Show a subscription, without its secret.

    Example: [bold]trunkline subscriptions show sub_1f0c9a2d1e83c55b4f0c[/bold]
    """

    async def read(hub: reading.Readings) -> dict[str, Any]:
        company_id, channel = await reading.owner_of(hub, subscription)
        return await hub.subscriptions.get(company_id, subscription, channel=channel)

    _show(run_with(reading.opened(load(config)), read), as_json=as_json)


@app.command("create")
def create_subscription(
    company: Company,
    environment: Environment = LIVE,
    channel: ChannelName = CHANNEL,
    url: Url = None,
    target: Target = None,
    types: Types = None,
    options: Options = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make a subscription and show it with its secret, which is shown only here.

    Example: [bold]trunkline subscriptions create --company 92 --url https://example.com/hooks --types invoice.*[/bold]
    """
    from trunkline.api.models import CreateSubscription  # noqa: PLC0415 - the models of the whole API
    from trunkline.cli import subscription_requests as requests  # noqa: PLC0415
    from trunkline.subscribing.named import channel_named  # noqa: PLC0415

    request = requests.read_request(
        CreateSubscription, url=url, types=types, options=options, channel=channel
    )
    settings, chosen = load(config), Chosen(company, environment)
    require_output()
    members = requests.read_members(target)

    async def create(hub: "Hub") -> dict[str, Any]:
        made = channel_named(request.pop("channel"), hub.channels())
        whole = requests.with_target(request, members, channel=made)
        return await hub.subscriptions.create(await id_of(hub.directory, chosen), whole, channel=made.name)

    _show(run_with(opening.opened(settings), create), as_json=as_json)


@app.command("update")
def update_subscription(
    subscription: SubscriptionId,
    url: Url = None,
    target: Target = None,
    types: Types = None,
    options: Options = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Change a subscription, and show it. Options that are not given stay as they are.

    Example: [bold]trunkline subscriptions update sub_1f0c9a2d1e83c55b4f0c --option 'rate="50/second"'[/bold]
    """
    from trunkline.cli import subscription_requests as requests  # noqa: PLC0415

    request = requests.read_request(requests.AnyChange, url=url, types=types, options=options)
    members = requests.read_members(target)
    if not request and not members:
        msg = "name what is to change: --url, --target, --types or --option"
        raise typer.BadParameter(msg)

    async def update(hub: "Hub") -> dict[str, Any]:
        company_id, channel = await reading.owner_of(hub, subscription)
        whole = requests.with_target(request, members, channel=hub.channels().get(channel))
        return await hub.subscriptions.update(company_id, subscription, whole, channel=channel)

    _show(run_with(opening.opened(load(config)), update), as_json=as_json)


@app.command("pause")
def pause_subscription(subscription: SubscriptionId, config: Config = None) -> None:
    """Pause a subscription: nothing is sent until it is resumed.

    Example: [bold]trunkline subscriptions pause sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    view = _act(config, subscription, lambda hub: hub.subscriptions.update, changes={"status": "paused"})
    warn(f"{view['id']} is {view['status']}.")


@app.command("resume")
def resume_subscription(
    subscription: SubscriptionId,
    catch_up: Annotated[
        bool, typer.Option("--catch-up/--no-catch-up", help="Send the events that were missed.")
    ] = True,
    config: Config = None,
) -> None:
    """Resume a paused or disabled subscription.

    Example: [bold]trunkline subscriptions resume sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    changes = {"status": "active", "catch_up": catch_up}
    view = _act(config, subscription, lambda hub: hub.subscriptions.update, changes=changes)
    warn(f"{view['id']} is {view['status']}.")


@app.command("delete")
def delete_subscription(
    subscription: SubscriptionId,
    yes: Yes = False,
    config: Config = None,
) -> None:
    """Delete a subscription. Its open deliveries end as gone.

    Example: [bold]trunkline subscriptions delete sub_1f0c9a2d1e83c55b4f0c --yes[/bold]
    """
    if not yes:
        typer.confirm(f"Delete {subscription}, for good?", abort=True, err=True)
    _act(config, subscription, lambda hub: hub.subscriptions.delete)
    warn(f"{subscription} is deleted.")


@app.command("rotate-secret")
def rotate_secret(
    subscription: SubscriptionId,
    overlap_seconds: Annotated[
        int,
        typer.Option(
            "--overlap-seconds",
            min=0,
            max=30 * DAY_SECONDS,
            help="How long the old secret signs beside the new one.",
        ),
    ] = DAY_SECONDS,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make a new secret and print it; it is shown only here.

    Example: [bold]trunkline subscriptions rotate-secret sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    require_output()
    rotation = {"overlap_seconds": overlap_seconds}
    made = _act(config, subscription, lambda hub: hub.subscriptions.rotate_secret, **rotation)
    if as_json:
        show_json(made)
    else:
        typer.echo(made.get("secret") or made.get("public_key"))


@app.command("test")
def try_subscription(subscription: SubscriptionId, as_json: AsJson = False, config: Config = None) -> None:
    """Make one attempt with an example event, from this process, and show the target's answer.

    Example: [bold]trunkline subscriptions test sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    _show(_act(config, subscription, lambda hub: hub.subscriptions.test), as_json=as_json)


@app.command("channels")
def list_channels(as_json: AsJson = False, config: Config = None) -> None:
    """List the channels that run, with an example target for each channel that declares its targets.

    Example: [bold]trunkline subscriptions channels[/bold]
    """
    channels = opening.inspected(load(config)).channels()
    views = [shown_channel(channels[name]) for name in sorted(channels)]
    rows = [[view["name"], view["title"], _cell(view.get("target_example", "-"))] for view in views]
    show_list("channels", views, ["channel", "title", "target"], rows, as_json=as_json)


def _show(view: Mapping[str, Any], *, as_json: bool) -> None:
    members = {name: _cell(value) for name, value in view.items() if value is not None}
    show_members(view, members, as_json=as_json)


def _cell(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _act(
    config: Path | None,
    subscription_id: str,
    action_of: Callable[["Hub"], Callable[..., Awaitable[Any]]],
    **options: Any,
) -> Any:
    """Act on a subscription of any company and channel, and return the result. Raises NotFound."""

    async def act(hub: "Hub") -> Any:
        company_id, channel = await reading.owner_of(hub, subscription_id)
        return await action_of(hub)(company_id, subscription_id, channel=channel, **options)

    return run_with(opening.opened(load(config)), act)
