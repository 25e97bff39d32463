"""``subscriptions`` and ``deliveries``: what the API does, from the command line."""

import asyncio
import json

import pytest

from trunkline.cli.commands import COMMANDS

LOOSE = {"TRUNKLINE_DELIVERY__ALLOW_HTTP": "true", "TRUNKLINE_DELIVERY__ALLOW_PRIVATE_NETWORKS": "true"}
TARGET = ["--company", "92", "--url", "http://127.0.0.1:1/hook"]


CAGES = '''
"""Canaries in cages, each of which opens with a word."""

from pydantic import BaseModel, SecretStr

from trunkline import Channel, Outcome, Result, hookimpl


class Cage(BaseModel):
    """A cage."""

    room: str
    word: SecretStr


async def deliver(push, http):
    return Result(Outcome.DELIVERED, response_body=f"sung in the {push.target.config.room}")


@hookimpl
def register_channels():
    return [Channel("cages", "Cages", "Sings.", deliver, target=Cage)]
'''


@pytest.fixture
def line(migrated_cli):
    lean = migrated_cli.with_plugins("webhooks")
    return type(lean)(lean.folder, {**lean.environment, **LOOSE})


@pytest.fixture
def line_with_cages(line):
    (line.folder / "cages.py").write_text(CAGES)
    more = {"TRUNKLINE_PLUGINS__PATHS": "cages.py", "TRUNKLINE_PLUGINS__ENABLED": "webhooks,cages"}
    return type(line)(line.folder, {**line.environment, **more})


def json_of(line, *arguments):
    result = line.invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_subscription_from_its_making_to_its_end(line):
    made = json_of(
        line, "subscriptions", "create", *TARGET, "--types", "client.*", "--option", "max_in_flight=8"
    )
    assert made["secret"].startswith("whsec_")
    shown = json_of(line, "subscriptions", "show", made["id"])
    assert (shown["event_types"], shown["max_in_flight"], "secret" in shown) == (["client.*"], 8, False)
    changed = json_of(
        line, "subscriptions", "update", made["id"], "--types", "*", "--option", 'rate="5/second"'
    )
    assert (changed["event_types"], changed["rate"], changed["max_in_flight"]) == (["*"], "5/second", 8)
    assert line.invoke("subscriptions", "pause", made["id"]).stderr == f"{made['id']} is paused.\n"
    assert line.invoke("subscriptions", "resume", made["id"]).stderr == f"{made['id']} is active.\n"
    rotated = line.invoke("subscriptions", "rotate-secret", made["id"]).stdout.strip()
    assert rotated.startswith("whsec_")
    assert rotated != made["secret"]
    assert json_of(line, "subscriptions", "test", made["id"])["error"] == "connection_refused"
    (listed,) = json_of(line, "subscriptions", "list", "--company", "92")["subscriptions"]
    assert listed["id"] == made["id"]
    assert made["id"] in line.invoke("subscriptions", "list", "--company", "92").stdout
    assert line.invoke("subscriptions", "delete", made["id"], stdin="n\n").exit_code == 1
    assert line.invoke("subscriptions", "delete", made["id"], "--yes").exit_code == 0
    assert json_of(line, "subscriptions", "list", "--company", "92")["count"] == 0


def test_a_subscription_on_a_channel_that_declares_its_targets(line_with_cages):
    shown = json_of(line_with_cages, "subscriptions", "channels")["channels"]
    assert [(channel["name"], channel.get("target_example")) for channel in shown] == [
        ("cages", {"room": "…", "word": "…"}),
        ("webhooks", None),
    ]
    of_cages = ["subscriptions", "create", "--company", "92", "--types", "*", "--channel", "cages"]
    attic, cellar = (f'target={{"room": "{room}", "word": "sesame"}}' for room in ("attic", "cellar"))
    made = json_of(line_with_cages, *of_cages, "--option", attic)
    assert (made["channel"], made["target"]["room"]) == ("cages", "attic")
    assert "sesame" not in json.dumps(made)
    update = ["subscriptions", "update", made["id"], "--option", cellar, "--types", "client.*"]
    changed = json_of(line_with_cages, *update)
    assert (changed["target"]["room"], changed["event_types"]) == ("cellar", ["client.*"])
    tried = json_of(line_with_cages, "subscriptions", "test", made["id"])
    assert (tried["outcome"], tried["response_body"]) == ("delivered", "sung in the cellar")
    for wrong, sentence in (
        ([*of_cages, "--option", attic, "--url", "http://127.0.0.1:1/"], "/target_url is not known here"),
        ([*of_cages[:-1], "nests", "--option", attic], "/channel is not a known channel: 'nests'"),
    ):
        refused = line_with_cages.invoke(*wrong)
        assert refused.exit_code == 1
        assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", *TARGET, "--types", "clint.*"], "is not a known group of event types: 'clint.*'"),
        (["create", "--company", "92", "--types", "*"], "/target_url is required"),
        (["create", *TARGET, "--types", "*", "--option", "colour=1"], "/colour is not known here"),
        (["create", *TARGET, "--types", "*", "--option", "rate=fast"], "write NAME=JSON"),
        (["update", "sub_0", "--types", "*"], "There is no subscription 'sub_0' here."),
        (["update", "sub_0"], "name what is to change"),
        (["show", "sub_0"], "There is no subscription 'sub_0' here."),
    ],
)
def test_what_cannot_be_meant_is_named(line, arguments, sentence):
    result = line.invoke("subscriptions", *arguments)
    assert result.exit_code in {1, 2}
    assert sentence in " ".join(result.stderr.replace("│", " ").split())


def test_deliveries_are_listed_shown_skipped_and_made_due(line):
    made = json_of(
        line, "subscriptions", "create", *TARGET, "--types", "*", "--option", 'ordering="subscription"'
    )
    line.invoke("events", "emit", "client.created", "--company", "92")
    assert json_of(line, "deliveries", "list", made["id"])["deliveries"] == []  # nobody delivers here
    for command in ("show", "retry", "skip"):
        result = line.invoke("deliveries", command, "dlv_1000_1")
        assert (result.exit_code, result.stderr) == (1, "There is no delivery 'dlv_1000_1' here.\n")
    assert "There is no subscription" in line.invoke("deliveries", "list", "sub_0").stderr


@pytest.mark.slow
async def test_a_delivery_that_failed_is_shown_and_made_due(migrated_cli, make_hub):
    url = migrated_cli.environment["TRUNKLINE_DATABASE__URL"]
    secrets = {
        "auth.pepper": migrated_cli.environment["TRUNKLINE_AUTH__PEPPER"],
        "auth.encryption_key": migrated_cli.environment["TRUNKLINE_AUTH__ENCRYPTION_KEY"],
        "delivery.retry_schedule_seconds": "3600, 3600, 3600",
        "plugins.enabled": "webhooks",
    }
    hub = await make_hub(url, secrets)
    body = {"target_url": "http://127.0.0.1:1/", "event_types": ["*"]}
    made = (await hub.client.post("/api/v1/webhooks/subscriptions", json=body)).json()["id"]
    event = (await hub.client.post("/api/v1/events/test", json={"type": "lead.created"})).json()["id"]
    delivery = f"dlv_{event}_1"
    line = migrated_cli.with_plugins("webhooks")

    async def run(*arguments):
        return await asyncio.to_thread(line.run, *arguments)

    for _ in range(100):
        shown = await run("deliveries", "list", made, "--status", "pending", "--json")
        if json.loads(shown.stdout)["count"]:
            break
    assert json.loads(shown.stdout)["deliveries"][0]["id"] == delivery
    assert "connection_refused" in (await run("deliveries", "show", delivery)).stdout
    assert (await run("deliveries", "retry", delivery)).stderr == f"{delivery} is pending.\n"
    assert (await run("deliveries", "skip", delivery)).stderr == f"{delivery} is skipped.\n"


def test_shells_complete_commands_that_are_not_loaded_yet(line):
    asked = {"_TRUNKLINE_COMPLETE": "complete_bash", "COMP_CWORD": "2"}
    completing = type(line)(
        line.folder, {**line.environment, **asked, "COMP_WORDS": "trunkline subscriptions "}
    )
    result = completing.run()
    assert {"create", "pause", "rotate-secret"} <= set(result.stdout.split()), result.stderr
    assert "subscriptions" in COMMANDS
