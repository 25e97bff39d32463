"""``subscriptions``: managing subscriptions directly in the database. Running processes notice changes at once.

The options of a subscription are the API's; ``subscribing.options`` declares their names and values.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from trunkline.cli import opening, reading
from trunkline.cli.loop import command, run_with
from trunkline.cli.options import AsJson, Company, Environment, SubscriptionId, Yes, id_of
from trunkline.cli.output import show_json, show_list, show_members, warn
from trunkline.cli.parameters import Config, option
from trunkline.cli.reading import Readings
from trunkline.cli.streams import require_output
from trunkline.contract.targets import shown_channel
from trunkline.model.environments import LIVE
from trunkline.settings import load

if TYPE_CHECKING:
    from trunkline.hub.hub import Hub

CHANNEL = "webhooks"
DAY_SECONDS = 86_400

app = typer.Typer(no_args_is_help=True)

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


@command(app, "list", reading.opened)
async def list_subscriptions(
    hub: Readings, company: Company, environment: Environment = LIVE, as_json: AsJson = False
) -> None:
    """List the subscriptions of a company, of every channel, oldest first.

    Example: [bold]trunkline subscriptions list --company 92[/bold]
    """
    views = await hub.subscriptions.list(await id_of(hub.directory, company, environment), channel=None)
    rows = [
        [view["id"], view["channel"], view["health"], ",".join(view["event_types"]), view["target_url"]]
        for view in views
    ]
    columns = ["id", "channel", "health", "event types", "target"]
    show_list("subscriptions", views, columns, rows, as_json=as_json)


@command(app, "show", reading.opened)
async def show_subscription(hub: Readings, subscription: SubscriptionId, as_json: AsJson = False) -> None:
    """Show a subscription, without its secret.

    Example: [bold]trunkline subscriptions show sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    _show(await _act(hub, subscription, hub.subscriptions.get), as_json=as_json)


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
    settings = load(config)
    require_output()
    members = requests.read_members(target)

    async def create(hub: "Hub") -> dict[str, Any]:
        made = channel_named(request.pop("channel"), hub.channels())
        whole = requests.with_target(request, members, channel=made)
        return await hub.subscriptions.create(
            await id_of(hub.directory, company, environment), whole, channel=made.name
        )

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


@command(app, "pause", opening.opened)
async def pause_subscription(hub: "Hub", subscription: SubscriptionId) -> None:
    """Pause a subscription: nothing is sent until it is resumed.

    Example: [bold]trunkline subscriptions pause sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    view = await _act(hub, subscription, hub.subscriptions.update, changes={"status": "paused"})
    warn(f"{view['id']} is {view['status']}.")


@command(app, "resume", opening.opened)
async def resume_subscription(
    hub: "Hub",
    subscription: SubscriptionId,
    catch_up: Annotated[
        bool, typer.Option("--catch-up/--no-catch-up", help="Send the events that were missed.")
    ] = True,
) -> None:
    """Resume a paused or disabled subscription.

    Example: [bold]trunkline subscriptions resume sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    changes = {"status": "active", "catch_up": catch_up}
    view = await _act(hub, subscription, hub.subscriptions.update, changes=changes)
    warn(f"{view['id']} is {view['status']}.")


@app.command("delete")
def delete_subscription(subscription: SubscriptionId, yes: Yes = False, config: Config = None) -> None:
    """Delete a subscription. Its open deliveries end as gone.

    Example: [bold]trunkline subscriptions delete sub_1f0c9a2d1e83c55b4f0c --yes[/bold]
    """
    if not yes:
        typer.confirm(f"Delete {subscription}, for good?", abort=True, err=True)
    run_with(opening.opened(load(config)), lambda hub: _act(hub, subscription, hub.subscriptions.delete))
    warn(f"{subscription} is deleted.")


@command(app, "rotate-secret", opening.opened)
async def rotate_secret(
    hub: "Hub",
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
) -> None:
    """Make a new secret and print it; it is shown only here.

    Example: [bold]trunkline subscriptions rotate-secret sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    require_output()
    act = hub.subscriptions.rotate_secret
    made = await _act(hub, subscription, act, overlap_seconds=overlap_seconds)
    if as_json:
        show_json(made)
    else:
        typer.echo(made.get("secret") or made.get("public_key"))


@command(app, "test", opening.opened)
async def try_subscription(hub: "Hub", subscription: SubscriptionId, as_json: AsJson = False) -> None:
    """Make one attempt with an example event, from this process, and show the target's answer.

    Example: [bold]trunkline subscriptions test sub_1f0c9a2d1e83c55b4f0c[/bold]
    """
    _show(await _act(hub, subscription, hub.subscriptions.test), as_json=as_json)


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


async def _act(
    hub: Readings, subscription_id: str, action: Callable[..., Awaitable[Any]], **options: Any
) -> Any:
    """Act on a subscription of any company and channel, and return the result. Raises NotFound."""
    company_id, channel = await reading.owner_of(hub, subscription_id)
    return await action(company_id, subscription_id, channel=channel, **options)
