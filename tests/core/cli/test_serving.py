"""``serve`` and ``worker`` as real processes: where they listen, how they stop, and what keeps them from starting."""

import json
import os
import re
import signal
import socket
import threading
import time

import httpx2
import psutil
import pytest

EVENT = {"type": "payment.failed"}


def _wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def _url(process):
    """Wait for the line that tells where it listens."""

    def find():
        assert process.popen.poll() is None, process.errors.read_text()
        return re.search(r"^trunkline listens on (http://\S+) · docs \1/docs\n", process.output.read_text())

    return _wait_until(find)[1]


def _stop(process, with_signal=signal.SIGTERM):
    process.popen.send_signal(with_signal)
    return process.popen.wait(20)


def _children(process):
    return psutil.Process(process.popen.pid).children()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_migrates_takes_a_free_port_says_where_it_listens_and_stops_with_0(cli, stop):
    with cli.started("serve", "--port", "0") as process:
        url = _url(process)
        assert httpx2.get(f"{url}/healthz").json() == {"status": "ok"}
        assert httpx2.get(f"{url}/readyz").json() == {"database": "ok", "plugins": "ok", "dispatcher": "ok"}
        assert "server" not in httpx2.get(f"{url}/docs").headers
        assert _stop(process, stop) == 0
        assert "Traceback" not in process.errors.read_text()


def test_a_created_key_works_and_a_long_poll_is_answered_when_the_server_stops(migrated_cli):
    made = migrated_cli.run("keys", "create", "--company", "92", "--name", "n", "--scope", "events:read")
    assert made.returncode == 0
    answers = []
    with migrated_cli.started("serve", "--port", "0") as process:
        url = _url(process)
        headers = {"X-Api-Key": made.stdout.strip()}
        assert httpx2.get(f"{url}/api/v1/me", headers=headers).json()["company_id"] == 92

        def poll():
            answers.append(httpx2.get(f"{url}/api/v1/events?wait=30", headers=headers, timeout=40))

        polling = threading.Thread(target=poll)
        polling.start()
        time.sleep(0.5)
        began = time.monotonic()
        assert _stop(process) == 0
        polling.join(5)
        assert time.monotonic() - began < 5
        assert answers[0].json()["events"] == []
        assert made.stdout.strip() not in process.errors.read_text()


def test_the_command_line_stands_over_the_environment_and_that_over_the_file(cli):
    (cli.folder / "trunkline.toml").write_text('[server]\nhost = "127.0.0.9"\nport = 1\n')
    with cli.started("serve", "--host", "127.0.0.1", "--port", "0") as process:
        assert _url(process).startswith("http://127.0.0.1:")


def test_a_taken_port_stops_the_start_with_one_sentence(cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = cli.run("serve", "--port", str(port))
    assert (result.returncode, result.stdout) == (2, "")
    assert (
        result.stderr
        == f"Port {port} of 127.0.0.1 is taken; choose another with --port (0 takes a free one).\n"
    )


def test_no_migrate_refuses_a_database_that_is_not_up_to_date(cli):
    result = cli.run("serve", "--port", "0", "--no-migrate")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith(
        "The database is not up to date: core (nothing → 0001). Run 'trunkline migrate' first.\n"
    )


@pytest.mark.parametrize("command", [["serve", "--workers", "2"], ["worker"], ["worker", "--processes", "2"]])
def test_more_than_one_process_needs_postgresql_and_says_why(cli, command):
    result = cli.invoke(*command)
    assert result.exit_code == 2
    assert "an SQLite file serves one process" in result.stderr


def test_two_workers_share_the_port_and_a_killed_one_is_started_again(postgres_cli):
    with postgres_cli.started("serve", "--port", "0", "--workers", "2") as process:
        url = _url(process)
        first, second = _children(process)
        assert [_delivers(child) for child in (first, second)] == [True, False]
        first.kill()
        _wait_until(lambda: len(alive := _children(process)) == 2 and second in alive and first not in alive)
        _wait_until(lambda: _dispatchers(url) == {"ok", "off"})
        errors = process.errors.read_text()
        assert "a process ended with code -9; starting another in 0.2 s" in errors
        children = _children(process)
        assert _stop(process) == 0
        assert not [child for child in children if child.is_running()]


def test_children_stop_when_their_supervisor_is_killed(postgres_cli):
    with postgres_cli.started("worker", "--processes", "2") as process:
        _wait_until(lambda: process.output.read_text() == "trunkline worker delivers, in 2 processes\n")
        children = _children(process)
        assert len(children) == 2
        process.popen.kill()
        _wait_until(lambda: not [child for child in children if child.is_running()])


def test_what_stops_every_child_is_told_once_and_stops_the_supervisor(postgres_cli):
    environment = {**postgres_cli.environment, "TRUNKLINE_PLUGINS__ENABLED": "nonesuch"}
    result = type(postgres_cli)(postgres_cli.folder, environment).run("worker", "--processes", "2")
    assert result.returncode == 2
    assert result.stderr.count("nonesuch") == 1


def test_a_worker_delivers_what_an_api_without_dispatcher_accepts(postgres_cli):
    with postgres_cli.started("worker") as process:
        _wait_until(lambda: process.output.read_text() == "trunkline worker delivers\n")
        envelope = json.loads(postgres_cli.invoke("events", "emit", EVENT["type"], "--company", "92").stdout)
        assert envelope["type"] == EVENT["type"]
        assert _stop(process) == 0
    assert "Traceback" not in process.errors.read_text()


def _delivers(child):
    return "--no-dispatch" not in child.cmdline()


def _dispatchers(url):
    """Ask over fresh connections, so that both processes come to answer."""
    seen = set()
    for _ in range(40):
        seen.add(httpx2.get(f"{url}/readyz").json()["dispatcher"])
    return seen


def test_the_package_can_be_run_without_being_on_the_path(cli):
    assert os.access(cli.folder, os.W_OK)
    assert cli.run("--version").returncode == 0
