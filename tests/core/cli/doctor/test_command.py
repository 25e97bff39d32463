"""``doctor``: its output for people and for machines, and its exit codes."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop
from standardwebhooks import Webhook, WebhookVerificationError
from tests.core.cli.conftest import LOOSE

from trunkline.cli.doctor import command
from trunkline.cli.doctor.checks import NAMES, Verdict
from trunkline.targets.signatures import new_secret
from trunkline_kit.receiver import Answer, Connection, Receiver

SECRET = new_secret("standard")
PRODUCT = "Product: WhiteLabelCRO, from whitelabelcro; 10 event types; keys begin with wlcro_.\n"


@pytest.fixture
def target() -> Iterator[Receiver]:
    """Start a receiver in a separate thread, because a command uses this thread's loop."""
    started, done = threading.Event(), threading.Event()
    receivers: list[Receiver] = []

    async def verify(connection: Connection) -> None:
        request = receivers[0].requests[-1]
        try:
            Webhook(SECRET).verify(request.body, dict(request.headers))
        except (WebhookVerificationError, ValueError):
            await Answer(401)(connection)
        else:
            await Answer(204)(connection)

    async def serve() -> None:
        async with Receiver() as receiver:
            receiver.always(verify)
            receivers.append(receiver)
            started.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=uvloop.run, args=(serve(),))
    thread.start()
    assert started.wait(60)
    yield receivers[0]
    done.set()
    thread.join()


@pytest.fixture
def loose_cli(cli):
    """Give the command line of a deployment that may send to this machine."""
    return cli.changed(**LOOSE)


def test_a_good_receiver_ends_with_0_and_a_line_for_each_check(loose_cli, target):
    result = loose_cli.invoke("doctor", target.url, "--secret", SECRET)
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert {row[1] for row in rows} == {"good"}
    assert [row[0] for row in rows][:3] == ["url", "dns", "connect"]
    assert result.stderr == PRODUCT + "Nothing to mend.\n"
    assert SECRET not in result.output


def test_machines_get_json_alone(loose_cli, target):
    report = loose_cli.json("doctor", target.url)
    assert (report["url"], report["reachable"], report["not_tried"]) == (target.url, True, [])
    assert {"name", "verdict", "sentence"} == set(report["checks"][0])
    assert {check["verdict"] for check in report["checks"]} == {"good", "unknown"}
    assert report["product"] == {
        "title": "WhiteLabelCRO", "schemas": ["whitelabelcro"], "event_types": 10, "key_prefix": "wlcro"
    }  # fmt: skip


def test_what_is_to_mend_though_no_secret_is_given_ends_with_1_and_is_counted(loose_cli, target):
    target.answer(200)
    result = loose_cli.invoke("doctor", target.url)
    assert result.exit_code == 1
    assert "signature-missing\tbad\tAccepts an event without a signature" in result.stdout
    assert "signature-wrong\tunknown" in result.stdout
    assert result.stderr == PRODUCT + "2 things to mend.\n"


def test_the_secret_may_come_from_the_environment(loose_cli, target):
    with_secret = loose_cli.changed(**{command.SECRET_VARIABLE: SECRET})
    assert "signature-wrong\tgood" in with_secret.invoke("doctor", target.url).stdout


@pytest.mark.parametrize("url", ["nonsense", "https://user@example.com/", "http://127.0.0.1:1/"])
def test_a_url_that_the_hub_refuses_ends_with_2_and_a_sentence(cli, url):
    result = cli.invoke("doctor", url)
    assert result.exit_code == 2
    assert re.fullmatch(r"url\tbad\tThis hub refuses the URL: it [^\n]+\.\n", result.stdout)
    assert result.stderr == PRODUCT + "Not reachable: the other checks were not made.\n"


def test_a_closed_port_ends_with_2_in_json_too(loose_cli):
    result = loose_cli.invoke("doctor", "http://127.0.0.1:1/", "--json")
    assert result.exit_code == 2
    report = json.loads(result.stdout)
    assert report["reachable"] is False
    assert "delivery" in report["not_tried"]
    assert list(loose_cli.folder.iterdir()) == []


def test_a_secret_of_another_form_is_a_mistake(cli):
    told = cli.refused("doctor", "https://example.com/", "--secret", "hunter2")
    assert "whsec_" in told
    assert "hunter2" not in told


def test_on_a_terminal_it_is_a_table_in_which_a_url_is_no_markup(loose_cli, target):
    terminal = {"FORCE_COLOR": "1", "COLUMNS": "200", "TERM": "xterm"}
    target.answer(302, headers={"location": "https://example.com/[bold]"})
    result = loose_cli.changed(**terminal).invoke("doctor", target.url)
    assert "subscribe with 'https://example.com/[bold]'" in result.stdout
    assert "\x1b[1;31mbad" in result.stdout


@pytest.mark.slow
def test_the_process_itself_ends_with_the_code_and_in_seconds(loose_cli, target):
    began = time.monotonic()
    result = loose_cli.run("doctor", target.url, "--secret", SECRET)
    assert (result.returncode, result.stderr) == (0, PRODUCT + "Nothing to mend.\n")
    assert time.monotonic() - began < 60


PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "check-a-receiver.md"


def test_the_page_explains_every_check_and_every_verdict():
    documented = re.findall(r"^- `([\w-]+)`: ", PAGE.read_text(), re.MULTILINE)
    assert documented == [*Verdict, *NAMES]


def test_the_page_shows_what_a_receiver_gets_that_verifies_nothing(loose_cli, target):
    (block,) = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    target.answer(200)
    result = loose_cli.invoke("doctor", target.url, "--secret", SECRET)
    rows = {" ".join(line.split()) for line in result.output.splitlines()}
    assert {" ".join(line.split()) for line in block.splitlines() if line != "…"} <= rows
