"""The metrics and the readiness of several real processes: one scrape has all of them, whichever process answers."""

import signal

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.core.cli.conftest import READY, wait_until
from tests.payloads import FAILED

ACCEPTED = "trunkline_events_accepted_total"


def figure(url, name, **labels):
    """Ask over a new connection, and add up the samples that have *labels*."""
    answer = httpx2.get(f"{url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [s for family in text_string_to_metric_families(answer.text) for s in family.samples]
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def emit(url, key, count):
    for _ in range(count):
        event = {"type": "payment.failed", "payload": FAILED, "companyId": 92}
        answer = httpx2.post(f"{url}/api/v1/events", json=event, headers={"X-Api-Key": key})
        assert answer.status_code == 201, answer.text


@pytest.mark.slow
def test_a_scrape_of_serve_is_of_all_its_processes_and_no_sum_falls_when_one_dies(postgres_cli):
    key = postgres_cli.create_key("--operator")
    with postgres_cli.serving("--workers", "3") as (process, url):
        emit(url, key, 30)
        wait_until(lambda: {figure(url, ACCEPTED) for _ in range(20)} == {30})
        wait_until(lambda: figure(url, "trunkline_shards_held") == 16)  # fewer while shards are handed over
        children = process.children()
        children[1].kill()
        wait_until(lambda: len(process.children()) == 3 and children[1] not in process.children())
        assert {figure(url, ACCEPTED) for _ in range(10)} == {30}
        emit(url, key, 5)
        wait_until(lambda: figure(url, ACCEPTED, type="payment.failed") == 35)

        children = process.children()

        def files():
            return [len(child.open_files()) + child.num_fds() for child in children]

        def stay_the_same():
            before = files()
            for _ in range(20):
                figure(url, ACCEPTED)
            return files() == before

        wait_until(stay_the_same)  # the new process opens connections when it first needs them


@pytest.mark.slow
def test_a_process_that_hangs_keeps_nobody_from_the_figures_of_the_others(postgres_cli):
    def shares():
        workers = postgres_cli.json("status")["workers"]
        return [worker["shards"] for worker in workers]

    with postgres_cli.started("worker", "--processes", "2", "--metrics-port", "0") as process:
        url = _metrics_url(process, ", in 2 processes")
        wait_until(lambda: shares() == [8, 8])  # else shards that the hanging one gave back are in no figure
        wait_until(lambda: figure(url, "trunkline_shards_held") == 16)
        assert httpx2.get(f"{url}/readyz").json() == READY
        hanging = process.children()[1]
        hanging.send_signal(signal.SIGSTOP)
        try:
            assert figure(url, "trunkline_shards_held") == 16, "as it was last seen"
            ready = httpx2.get(f"{url}/readyz", timeout=60)
            assert (ready.status_code, ready.json()["dispatcher"]) == (503, "a process does not answer")
            assert httpx2.get(f"{url}/healthz").json() == {"status": "ok"}
        finally:
            hanging.send_signal(signal.SIGCONT)
        wait_until(lambda: httpx2.get(f"{url}/readyz", timeout=60).status_code == 200)
        assert process.stop() == 0


@pytest.mark.slow
def test_a_worker_has_metrics_and_health_on_a_port_of_its_own(postgres_cli):
    with postgres_cli.started("worker", "--metrics-port", "0") as process:
        url = _metrics_url(process)
        wait_until(lambda: figure(url, "trunkline_shards_held") == 16)
        assert httpx2.get(f"{url}/healthz").json() == {"status": "ok"}
        assert httpx2.get(f"{url}/readyz").json()["dispatcher"] == "ok"
        assert httpx2.head(f"{url}/metrics").status_code == 200
        assert httpx2.get(f"{url}/api/v1/me").status_code == 404
        assert httpx2.post(f"{url}/metrics").status_code == 405
        assert process.stop() == 0
        assert "Traceback" not in process.errors.read_text()


@pytest.mark.slow
def test_a_taken_metrics_port_stops_the_start_with_one_sentence(postgres_cli):
    with postgres_cli.started("worker", "--metrics-port", "0") as process:
        port = _metrics_url(process).rpartition(":")[2]
        told = postgres_cli.refused("worker", "--metrics-port", port)
    assert told.startswith(f"Port {port} of 127.0.0.1 is taken")
    assert "choose another with --metrics-port (0 takes a free one)" in told


def _metrics_url(process, how=""):
    return process.says(rf"trunkline worker delivers{how} · metrics on (http://\S+)/metrics\n")[1]
