"""``serve`` and ``worker`` as real processes: their addresses, how they stop, and the faults that prevent a start."""

import asyncio
import contextlib
import re
import signal
import socket
import threading
import time

import httpx2
import pytest
from tests.core.cli.conftest import LOOSE, READY, SECRETS, wait_until

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline_kit.receiver import Receiver


@pytest.mark.slow
def test_serve_migrates_takes_a_free_port_says_where_it_listens_and_stops_with_0_at_ctrl_c(cli):
    # The command line wins.
    (cli.folder / "trunkline.toml").write_text('[server]\nhost = "localhost"\nport = 1\n')
    with cli.serving() as (process, url):
        assert httpx2.get(f"{url}/healthz").json() == {"status": "ok"}
        assert httpx2.get(f"{url}/readyz").json() == READY
        assert "server" not in httpx2.get(f"{url}/docs").headers
        assert "public_url" not in process.errors.read_text()
        assert process.stop(signal.SIGINT) == 0
        assert "Traceback" not in process.errors.read_text()


@pytest.mark.slow
def test_a_created_key_works_and_a_long_poll_is_answered_when_the_server_stops(migrated_cli):
    cli = migrated_cli.with_plugins("polling")
    key = cli.create_key("--company", "92", "--scope", "events:read")
    headers = {"X-Api-Key": key}
    answers = []
    (cli.folder / "trunkline.toml").write_text('[server]\ntrusted_proxies = ["192.0.2.1"]\n')
    with cli.serving() as (process, url):
        assert "server.public_url is unset" in process.errors.read_text()
        assert httpx2.get(f"{url}/api/v1/me", headers=headers).json()["company_id"] == 92

        def poll():
            answers.append(httpx2.get(f"{url}/api/v1/events?wait=30", headers=headers, timeout=40))

        polling = threading.Thread(target=poll)
        polling.start()
        time.sleep(2)  # until the poll waits
        began = time.monotonic()
        assert process.stop() == 0
        polling.join(60)
        assert time.monotonic() - began < 20
        assert answers[0].json()["events"] == []
        assert key not in process.errors.read_text()


def test_a_taken_port_stops_the_start_with_one_sentence(cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = cli.refused("serve", "--port", str(port))
    assert told == (
        f"Port {port} of 127.0.0.1 is taken; end the program that has it, or choose another with --port "
        "(0 takes a free one).\n"
    )


def test_no_migrate_refuses_a_database_that_is_not_up_to_date(cli):
    cli.with_plugins("webhooks").done("migrate")
    told = cli.refused("serve", "--port", "0", "--no-migrate")
    found = re.search(r"The database is not up to date: (.+)\. Run 'trunkline migrate' first\.\n$", told)
    assert found, told
    behind = [re.fullmatch(r"(\w+) \(nothing → \d{4}\)", part) for part in found[1].split(", ")]
    assert [part and part[1] for part in behind] == ["alerts", "crm", "mcp", "oauth", "portal"]


PUBLIC = '[server]\npublic_url = "https://events.example.com"\n[delivery]\n'


@pytest.mark.parametrize(
    ("switches", "sentence"),
    [
        ("allow_http = true", "'delivery.allow_http' is for development, and this hub is public at https://"),
        ("allow_private_networks = true", "'delivery.allow_private_networks' is for development, "),
        (
            "allow_http = true\nallow_private_networks = true",
            "'delivery.allow_http' and 'delivery.allow_private_networks' are for development, ",
        ),
    ],
)
def test_a_public_hub_is_not_served_with_what_is_for_development(cli, switches, sentence):
    (cli.folder / "trunkline.toml").write_text(PUBLIC.replace("https", "HTTPS") + switches)
    told = cli.refused("serve", "--port", "0")
    assert told.startswith(sentence)
    assert "or add --insecure-targets to serve with" in told
    assert [path.name for path in cli.folder.iterdir()] == ["trunkline.toml"]


@pytest.mark.slow
@pytest.mark.parametrize(("lent", "workers"), [("cli", "1"), ("postgres_cli", "2")])
def test_a_fault_of_the_settings_that_a_plugins_routes_find_ends_the_start(request, lent, workers):
    faulty = request.getfixturevalue(lent).changed(TRUNKLINE_BRAND__LOGO="gone.svg")
    done = faulty.with_plugins("portal").run("serve", "--port", "0", "--workers", workers)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.splitlines()[-1].startswith("Setting 'brand.logo': ")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_public_hub_is_served_so_where_it_is_asked_for(cli):
    (cli.folder / "trunkline.toml").write_text(f"{PUBLIC}allow_http = true")
    with cli.with_plugins("webhooks").serving("--insecure-targets") as (process, _):
        assert process.stop() == 0


@pytest.mark.parametrize("command", [["serve", "--workers", "2"], ["worker"], ["worker", "--processes", "2"]])
def test_more_than_one_process_needs_postgresql_and_says_why(cli, command):
    assert "an SQLite file serves one process" in cli.refused(*command)


@pytest.mark.slow
def test_two_workers_share_the_port_and_a_killed_one_is_started_again(postgres_cli):
    with postgres_cli.serving("--workers", "2") as (process, url):
        first, second = process.children()
        assert ["--no-dispatch" in child.cmdline() for child in (first, second)] == [False, True]
        first.kill()
        wait_until(lambda: len(process.children()) == 2 and first not in process.children())
        wait_until(lambda: _dispatchers(url) == {"ok", "off"})
        assert second in process.children()
        assert "a process ended with code -9; starting another in 0.2 s" in process.errors.read_text()

        children = process.children()
        process.popen.kill()
        wait_until(lambda: not any(child.is_running() for child in children))


def _dispatchers(url):
    """Ask over new connections, so that both processes answer."""
    seen = set()
    for _ in range(30):
        with contextlib.suppress(httpx2.TransportError):  # a connection that the killed process had accepted
            seen.add(httpx2.get(f"{url}/readyz").json()["dispatcher"])
    return seen


@pytest.mark.slow
def test_what_stops_every_child_is_told_once_and_stops_the_supervisor(postgres_cli):
    result = postgres_cli.with_plugins("nonesuch").run("worker", "--processes", "2")
    assert result.returncode == 2
    assert result.stderr.count("nonesuch") == 1


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "status"])
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("h/n?ssl=require", "Setting 'database.url': has the parameter 'ssl'"),
        ("h/n?sslmode=verify-ca&sslrootcert=/no", "Setting 'database.url': names the file /no"),
        ("127.0.0.1:1/n?sslmode=require", "The database does not answer: 127.0.0.1:1: "),
    ],
)
def test_a_wrong_url_stops_the_start_with_one_sentence(cli, command, address, sentence):
    url = f"postgresql://u:s3cret@{address}"
    told = cli.changed(**SECRETS, TRUNKLINE_DATABASE__URL=url, TRUNKLINE_SERVER__PORT="0").refused(command)
    assert told.startswith(sentence)
    assert told.count("\n") == 1
    assert "s3cret" not in told


@pytest.mark.slow
async def test_workers_deliver_what_another_process_accepts_and_stop_together(postgres_cli):
    cli = postgres_cli.changed(**LOOSE)
    async with Receiver() as receiver, Hub(settings.load(None, cli.environment), dispatch=False) as hub:
        request = {"target_url": receiver.url, "event_types": ["*"]}
        await hub.subscriptions.create(92, request, channel="webhooks")
        with cli.started("worker", "--processes", "2") as process:
            await asyncio.to_thread(process.says, "trunkline worker delivers, in 2 processes\n$")
            emit = ("events", "emit", "payment.failed", "--company", "92")
            emitted = await asyncio.to_thread(cli.done, *emit)
            (request,) = await receiver.wait_for(1, timeout_seconds=60)
            children = process.children()
            assert await asyncio.to_thread(process.stop) == 0
    assert request.body.decode() == emitted.rstrip("\n")
    assert len(children) == 2
    assert not any(child.is_running() for child in children)


@pytest.mark.slow
def test_two_do_not_serve_one_file_and_the_second_says_why(cli):
    lean = cli.with_plugins("webhooks")
    with lean.serving() as (process, _):
        second = lean.run("serve", "--port", "0")
        assert (second.returncode, second.stdout) == (2, "")
        assert second.stderr.splitlines()[-1].startswith("Another 'trunkline serve' works on trunkline.db: ")
        assert lean.run("keys", "create", "--operator", "--name", "beside it").returncode == 0
        assert process.stop() == 0
