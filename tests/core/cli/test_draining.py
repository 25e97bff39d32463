"""``serve`` between SIGTERM and its end, as real processes: load balancers are told while requests are still answered."""

import contextlib
import signal
import time

import httpx2
import pytest
from tests.core.cli.conftest import READY, wait_until

pytestmark = pytest.mark.slow


def draining(commands, seconds):
    return commands.changed(TRUNKLINE_SERVER__DRAIN_SECONDS=str(seconds))


def readiness(url):
    answer = httpx2.get(f"{url}/readyz")
    return answer.status_code, answer.json()


def test_serve_drains_for_its_time_and_then_ends_with_0(migrated_cli):
    with draining(migrated_cli, 3).serving() as (process, url):
        assert readiness(url) == (200, READY)
        began = time.monotonic()
        process.popen.send_signal(signal.SIGTERM)
        wait_until(lambda: readiness(url) == (503, READY | {"server": "stopping"}))
        answered = 0
        with contextlib.suppress(httpx2.ConnectError), httpx2.Client(base_url=url) as client:
            while True:
                answer = client.get("/healthz")
                assert (answer.status_code, answer.headers["connection"]) == (200, "close")
                answered += 1
        assert 3 <= time.monotonic() - began < 30
        assert answered > 5
        assert process.popen.wait(60) == 0
        assert "Traceback" not in process.errors.read_text()


@pytest.mark.parametrize("with_signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]])
def test_ctrl_c_and_a_second_sigterm_end_it_at_once(migrated_cli, with_signals):
    with draining(migrated_cli, 60).serving() as (process, url):
        *first, last = with_signals
        for each in first:
            process.popen.send_signal(each)
            wait_until(lambda: readiness(url)[0] == 503)
        assert process.stop(last) == 0


def test_several_processes_drain_together_and_a_second_sigterm_ends_them_at_once(postgres_cli):
    with draining(postgres_cli, 60).serving("--workers", "2") as (process, url):
        children = process.children()
        process.popen.send_signal(signal.SIGTERM)
        wait_until(lambda: {readiness(url)[0] for _ in range(20)} == {503})
        assert {child.is_running() for child in children} == {True}
        assert process.stop() == 0
        assert not [child for child in children if child.is_running()]
        assert "killed" not in process.errors.read_text()


def test_several_processes_answer_until_the_last_has_left_the_port(postgres_cli):
    with draining(postgres_cli, 1).serving("--workers", "2") as (process, url):
        process.popen.send_signal(signal.SIGTERM)
        with contextlib.suppress(httpx2.ConnectError):
            while True:
                assert httpx2.get(f"{url}/healthz").status_code == 200
        assert process.popen.wait(60) == 0
