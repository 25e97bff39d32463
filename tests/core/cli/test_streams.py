"""Closed, full or unread standard streams, and signals, with real processes of a shell."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil
import pytest
from tests.core.cli.conftest import READY, wait_until
from tests.core.cli.test_draining import draining, readiness
from tests.small_disks import small_disk

LOST = {
    ">&-": "it is closed",
    ">/dev/full": "No space left on device",
    "| true": "nobody reads it",
}
SECRETS_SHOWN_ONCE = (
    "keys create --company 92 --name n --scope events:read",
    "keys rotate KEY",
    "subscriptions create --company 92 --url https://example.com/hook --types client.created",
    "subscriptions rotate-secret SUBSCRIPTION",
    "run oauth register Desk https://desk.example.com/callback",
)


def in_shell(cli, command: str, redirected: str, *, limits: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``python -m trunkline`` in bash; stderr has its errors, and the exit code is its own, not the pipe's."""
    program = f"{sys.executable} -P -m trunkline {command}"
    if redirected.startswith("|"):
        redirected = f"{redirected}; exit ${{PIPESTATUS[0]}}"
    return subprocess.run(
        ["bash", "-c", f"{limits}{program} {redirected}"], cwd=cli.folder, env=cli._environment(), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def prepared(migrated_cli):
    """Make a hub with a key and a subscription; give their ids as commands name them."""
    cli = migrated_cli.with_plugins("webhooks", "oauth")
    made, subscribed = (cli.json(*SECRETS_SHOWN_ONCE[number].split()) for number in (0, 2))
    return cli, {"KEY": made["id"], "SUBSCRIPTION": subscribed["id"]}


def stored(cli) -> list[tuple[object, ...]]:
    """Read all data that a secret-making command may change."""
    tables = ("api_keys", "subscriptions", "oauth_apps")
    return [row for table in tables for row in cli.execute(f"SELECT * FROM {table}")]


@pytest.mark.parametrize(
    ("command", "redirected"),
    [
        (SECRETS_SHOWN_ONCE[0], ">/dev/full"),
        *(pytest.param(SECRETS_SHOWN_ONCE[0], lost, marks=pytest.mark.slow) for lost in (">&-", "| true")),
        *(pytest.param(command, ">/dev/full", marks=pytest.mark.slow) for command in SECRETS_SHOWN_ONCE[1:]),
    ],
)
def test_a_secret_that_cannot_be_shown_is_not_made(prepared, command, redirected):
    cli, ids = prepared
    for name, value in ids.items():
        command = command.replace(name, value)
    before = stored(cli)
    done = in_shell(cli, command, redirected)
    assert (done.returncode, stored(cli)) == (1, before)
    assert done.stderr == f"Standard output cannot be written: {LOST[redirected]}; nothing was made.\n"


@pytest.mark.slow
def test_a_secret_that_does_not_fit_into_a_file_is_not_made(prepared):
    cli, _ = prepared
    before = stored(cli)
    done = in_shell(cli, SECRETS_SHOWN_ONCE[0], ">key.txt", limits="ulimit -f 8;")
    assert (done.returncode, stored(cli), (cli.folder / "key.txt").read_text()) == (1, before, "")
    assert done.stderr == "Standard output cannot be written: File too large; nothing was made.\n"
    with small_disk() as disk:
        disk.fill()
        done = in_shell(cli, SECRETS_SHOWN_ONCE[0], f">{disk.folder}/key.txt")
    assert (done.returncode, stored(cli)) == (1, before)
    assert done.stderr == "Standard output cannot be written: No space left on device; nothing was made.\n"


@pytest.mark.slow
def test_the_probe_of_a_file_leaves_nothing_in_it(migrated_cli):
    (migrated_cli.folder / "key.txt").write_text("before\n")
    done = in_shell(migrated_cli, SECRETS_SHOWN_ONCE[0], ">>key.txt 2>/dev/full")
    lines = (migrated_cli.folder / "key.txt").read_text().splitlines()
    assert (done.returncode, lines[0], len(lines), lines[1][:11]) == (0, "before", 2, "wlcro_live_")


@pytest.mark.slow
def test_a_plugin_is_developed_with_a_key_or_not_at_all(cli):
    done = in_shell(cli, "dev --port 0", ">/dev/full")
    assert (done.returncode, list(cli.folder.iterdir())) == (1, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "redirected", "reason"),
    [
        ("--help", ">/dev/full", "No space left on device"),
        ("keys list", ">&-", "it is closed"),
        ("keys list", "| true", "Broken pipe"),
    ],
)
def test_what_a_broken_output_did_not_take_is_said_in_one_sentence(migrated_cli, command, redirected, reason):
    done = in_shell(migrated_cli, command, redirected)
    assert (done.returncode, done.stderr) == (1, f"Standard output cannot be written: {reason}.\n")


@pytest.mark.slow
def test_a_hub_works_without_standard_streams_and_stops_at_a_signal(cli):
    script = 'exec "$@" <&- >&- 2>&-'
    (cli.folder / "trunkline.toml").write_text("[server]\nport = 0\n")
    arguments = ["bash", "-c", script, "bash", *cli._command(["serve"])]
    with subprocess.Popen(arguments, cwd=cli.folder, env=cli._environment()) as process:
        try:
            (listening,) = wait_until(lambda: _listening(process.pid))
            url = f"http://127.0.0.1:{listening.laddr.port}"
            assert httpx2.get(f"{url}/readyz").json() == READY
            streams = {str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in range(3)}
            assert streams == {os.devnull}
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


def _listening(pid: int):
    connections = psutil.Process(pid).net_connections("tcp")
    return [connection for connection in connections if connection.status == psutil.CONN_LISTEN]


@pytest.mark.slow
def test_a_hub_whose_banner_nobody_reads_goes_on_and_says_so(migrated_cli):
    reading, writing = os.pipe()
    os.close(reading)
    command, errors = migrated_cli._command(["serve", "--port", "0"]), migrated_cli.folder / "errors.txt"
    with errors.open("wb") as err, subprocess.Popen(
        command, cwd=migrated_cli.folder, env=migrated_cli._environment(), stdout=writing, stderr=err
    ) as process:  # fmt: skip
        os.close(writing)
        try:
            found = wait_until(lambda: re.search(r"listens on (\S+) · .*Broken pipe", errors.read_text()))
            assert httpx2.get(f"{found[1]}/readyz").json() == READY
            process.terminate()
            assert (process.wait(60), "Traceback" in errors.read_text()) == (0, False)
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_sighup_drains_as_sigterm_does(postgres_cli, workers):
    commands = draining(postgres_cli, 60)
    with commands.serving("--workers", workers) as (process, url):
        process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: {readiness(url)[0] for _ in range(20)} == {503})
        assert process.stop(signal.SIGHUP) == 0


STUBBORN = """
import contextlib, time
from trunkline import hookimpl

@hookimpl
@contextlib.asynccontextmanager
async def lifespan():
    yield
    print("leaving")
    time.sleep(20)
"""


@pytest.mark.slow
def test_a_second_ctrl_c_ends_it_and_is_no_error_of_the_plugin_that_it_meets(migrated_cli):
    (migrated_cli.folder / "stubborn.py").write_text(STUBBORN)
    commands = migrated_cli.with_plugins("stubborn")
    commands = commands.changed(PYTHONUNBUFFERED="1", TRUNKLINE_PLUGINS__PATHS="stubborn.py")
    with commands.serving() as (process, _):
        process.popen.send_signal(signal.SIGINT)
        wait_until(lambda: "leaving" in process.output.read_text())
        assert process.stop(signal.SIGINT) == -signal.SIGINT
        assert '"level":"error"' not in process.errors.read_text()
        assert "Traceback" not in process.errors.read_text()
