"""``subscriptions`` and ``deliveries``: the API's actions, from the command line."""

import asyncio

import pytest
from tests.core.cli.conftest import LOOSE
from tests.waiting import until

from trunkline.cli.commands import COMMANDS

TARGET = ["--company", "92", "--url", "http://127.0.0.1:1/hook"]


@pytest.fixture
def line(migrated_cli):
    return migrated_cli.changed(**LOOSE)


CAGES = '''
"""Canaries in cages: each event is sung to a cage that opens with a word."""

from pydantic import BaseModel, SecretStr

from trunkline import Channel, Outcome, Result, hookimpl


class Cage(BaseModel):
    """A cage."""

    room: str
    height: int = 2
    word: SecretStr


async def deliver(push, http):
    cage = push.target.config
    return Result(Outcome.DELIVERED, response_body=f"{cage.room} {cage.height} {cage.word.get_secret_value()}")


@hookimpl
def register_channels():
    return [Channel("cages", "Cages", "Sings.", deliver, target=Cage)]
'''


def test_a_subscription_from_its_making_to_its_end(line):
    made = line.json("subscriptions", "create", *TARGET, "--types", "client.*", "--option", "max_in_flight=8")
    assert made["secret"].startswith("whsec_")
    shown = line.json("subscriptions", "show", made["id"])
    assert (shown["event_types"], shown["max_in_flight"], "secret" in shown) == (["client.*"], 8, False)
    changed = line.json("subscriptions", "update", made["id"], "--types", "*", "--option", 'rate="5/second"')
    assert (changed["event_types"], changed["rate"], changed["max_in_flight"]) == (["*"], "5/second", 8)
    for command, status in (("pause", "paused"), ("resume", "active")):
        assert line.invoke("subscriptions", command, made["id"]).stderr == f"{made['id']} is {status}.\n"
    rotated = line.done("subscriptions", "rotate-secret", made["id"])
    assert rotated.startswith("whsec_")
    assert rotated != made["secret"]
    assert line.json("subscriptions", "test", made["id"])["error"] == "connection_refused"
    (listed,) = line.json("subscriptions", "list", "--company", "92")["subscriptions"]
    assert listed["id"] == made["id"]
    assert made["id"] in line.invoke("subscriptions", "list", "--company", "92").stdout
    assert line.invoke("subscriptions", "delete", made["id"], stdin="n\n").exit_code == 1
    assert line.invoke("subscriptions", "delete", made["id"], "--yes").exit_code == 0
    assert line.json("subscriptions", "list", "--company", "92")["count"] == 0


def test_a_target_is_given_by_its_members_and_a_secret_by_standard_input(line, tmp_path):
    (tmp_path / "cages.py").write_text(CAGES)
    line = line.with_plugins("cages").changed(TRUNKLINE_PLUGINS__PATHS=str(tmp_path / "cages.py"))
    (channel,) = line.json("subscriptions", "channels")["channels"]
    assert (channel["name"], set(channel["target_example"])) == ("cages", {"room", "height", "word"})
    where = ["--target", "room=attic", "--target", "height=3", "--target", "word=-"]
    create = ["subscriptions", "create", "--company", "92", "--channel", "cages", "--types", "*"]
    made = line.json(*create, *where, stdin="sesame\n")
    assert made["target"] == {"room": "attic", "height": 3, "word": "••••"}
    update = ["subscriptions", "update", made["id"], "--target", "room=3"]
    assert "/target/word must be given again" in line.refused(*update, code=1)
    changed = line.json(*update, "--target", "word=-", stdin="mellon\n")
    assert changed["target"] == {"room": "3", "height": 3, "word": "••••"}
    assert line.json("subscriptions", "test", made["id"])["response_body"] == "3 3 mellon"
    assert "/target/height must be a whole number" in line.refused(*create, "--target", "height=high", code=1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["create", *TARGET, "--types", "clint.*"], "is not a known group of event types: 'clint.*'"),
        (["create", "--company", "92", "--types", "*"], "/target_url is required"),
        (["create", *TARGET, "--types", "*", "--option", "colour=1"], "/colour is not known here"),
        (["create", *TARGET, "--types", "*", "--option", "rate=fast"], "write NAME=JSON"),
        (["create", *TARGET, "--types", "*", "--target", "room"], "write NAME=VALUE"),
        (["create", *TARGET, "--types", "*", "--channel", "cage"], "is not a known channel: 'cage'"),
        (["update", "sub_0", "--types", "*"], "There is no subscription 'sub_0' here."),
        (["update", "sub_0"], "name what is to change"),
        (["show", "sub_0"], "There is no subscription 'sub_0' here."),
    ],
)
def test_what_cannot_be_meant_is_named(line, arguments, sentence):
    result = line.invoke("subscriptions", *arguments)
    assert result.exit_code in {1, 2}
    assert sentence in " ".join(result.stderr.replace("│", " ").split())


def test_deliveries_that_are_not_there_are_named(line):
    made = line.json("subscriptions", "create", *TARGET, "--types", "*")
    line.emit()
    assert line.json("deliveries", "list", made["id"])["deliveries"] == []  # no dispatcher runs here
    for command in ("show", "retry", "skip"):
        told = line.refused("deliveries", command, "dlv_1000_1", code=1)
        assert told == "There is no delivery 'dlv_1000_1' here.\n"
    assert "There is no subscription" in line.refused("deliveries", "list", "sub_0", code=1)


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
    made = (await hub.subscribe("http://127.0.0.1:1/"))["id"]
    delivery = f"dlv_{(await hub.send_test_event())['id']}_1"

    async def run(*arguments):
        return await asyncio.to_thread(migrated_cli.invoke, *arguments)

    async def is_pending():
        return delivery in (await run("deliveries", "list", made, "--status", "pending")).stdout

    await until(is_pending)
    assert "connection_refused" in (await run("deliveries", "show", delivery)).stdout
    assert (await run("deliveries", "retry", delivery)).stderr == f"{delivery} is pending.\n"
    assert (await run("deliveries", "skip", delivery)).stderr == f"{delivery} is skipped.\n"


@pytest.mark.slow
def test_shells_complete_commands_that_are_not_loaded_yet(line):
    asked = {"_TRUNKLINE_COMPLETE": "complete_bash", "COMP_CWORD": "2"}
    result = line.changed(**asked, COMP_WORDS="trunkline subscriptions ").run()
    assert {"create", "pause", "rotate-secret"} <= set(result.stdout.split()), result.stderr
    assert "subscriptions" in COMMANDS
