"""``doctor``: its output for people and for machines, and its exit codes."""

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from tests.core.cli.conftest import LOOSE
from tests.core.cli.doctor.conftest import SECRET, answering, verify

from trunkline.cli.doctor import command
from trunkline.cli.doctor.checks import NAMES, Verdict

PRODUCT = "Product: WhiteLabelCRO, from whitelabelcro; 10 event types; keys begin with wlcro_.\n"


@pytest.fixture
def examine(cli, receiver):
    """Examine a receiver that verifies, in a thread, because a command runs a loop of its own."""
    receiver.always(answering(receiver, verify))

    async def run(*arguments, **environment):
        loose_cli = cli.changed(**LOOSE, **environment)
        return await asyncio.to_thread(loose_cli.invoke, "doctor", receiver.url, *arguments)

    return run


async def test_a_good_receiver_ends_with_0_and_a_line_for_each_check(examine):
    result = await examine("--secret", SECRET)
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert {row[1] for row in rows} == {"good"}
    assert [row[0] for row in rows][:3] == ["url", "dns", "connect"]
    assert result.stderr == PRODUCT + "Nothing to mend.\n"
    assert SECRET not in result.output


async def test_machines_get_json_alone(examine, receiver):
    result = await examine("--json")
    assert (result.exit_code, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    assert (report["url"], report["reachable"], report["not_tried"]) == (receiver.url, True, [])
    assert {"name", "verdict", "sentence"} == set(report["checks"][0])
    assert {check["verdict"] for check in report["checks"]} == {"good", "unknown"}
    assert report["product"] == {
        "title": "WhiteLabelCRO", "schemas": ["whitelabelcro"], "event_types": 10, "key_prefix": "wlcro"
    }  # fmt: skip


async def test_what_is_to_mend_though_no_secret_is_given_ends_with_1_and_is_counted(examine, receiver):
    receiver.answer(200)
    result = await examine()
    assert result.exit_code == 1
    assert "signature-missing\tbad\tAccepts an event without a signature" in result.stdout
    assert "signature-wrong\tunknown" in result.stdout
    assert result.stderr == PRODUCT + "2 things to mend.\n"


async def test_the_secret_may_come_from_the_environment(examine):
    assert "signature-wrong\tgood" in (await examine(**{command.SECRET_VARIABLE: SECRET})).stdout


@pytest.mark.parametrize("url", ["nonsense", "https://user@example.com/", "http://127.0.0.1:1/"])
def test_a_url_that_the_hub_refuses_ends_with_2_and_a_sentence(cli, url):
    result = cli.invoke("doctor", url)
    assert result.exit_code == 2
    assert re.fullmatch(r"url\tbad\tThis hub refuses the URL: it [^\n]+\.\n", result.stdout)
    assert result.stderr == PRODUCT + "Not reachable: the other checks were not made.\n"


def test_a_closed_port_ends_with_2_in_json_too(cli):
    result = cli.changed(**LOOSE).invoke("doctor", "http://127.0.0.1:1/", "--json")
    assert result.exit_code == 2
    report = json.loads(result.stdout)
    assert report["reachable"] is False
    assert "delivery" in report["not_tried"]
    assert list(cli.folder.iterdir()) == []


def test_a_secret_of_another_form_is_a_mistake(cli):
    told = cli.refused("doctor", "https://example.com/", "--secret", "hunter2")
    assert "whsec_" in told
    assert "hunter2" not in told


async def test_on_a_terminal_it_is_a_table_in_which_a_url_is_no_markup(examine, receiver):
    receiver.answer(302, headers={"location": "https://example.com/[bold]"})
    result = await examine(FORCE_COLOR="1", COLUMNS="200", TERM="xterm")
    assert "subscribe with 'https://example.com/[bold]'" in result.stdout
    assert "\x1b[1;31mbad" in result.stdout


@pytest.mark.slow
async def test_the_process_itself_ends_with_the_code_and_in_seconds(cli, receiver):
    receiver.always(answering(receiver, verify))
    began = time.monotonic()
    doctor = ("doctor", receiver.url, "--secret", SECRET)
    result = await asyncio.to_thread(cli.changed(**LOOSE).run, *doctor)
    assert (result.returncode, result.stderr) == (0, PRODUCT + "Nothing to mend.\n")
    assert time.monotonic() - began < 60


PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "check-a-receiver.md"


def test_the_page_explains_every_check_and_every_verdict():
    documented = re.findall(r"^- `([\w-]+)`: ", PAGE.read_text(), re.MULTILINE)
    assert documented == [*Verdict, *NAMES]


async def test_the_page_shows_what_a_receiver_gets_that_verifies_nothing(examine, receiver):
    (block,) = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    receiver.answer(200)
    result = await examine("--secret", SECRET)
    rows = {" ".join(line.split()) for line in result.output.splitlines()}
    assert {" ".join(line.split()) for line in block.splitlines() if line != "…"} <= rows
