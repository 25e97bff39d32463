"""``serve`` at a Unix socket, as one process and as several, with nginx in front."""

import json
import signal
import socket
import subprocess

import httpx2
import pytest
from tests.core.cli.conftest import READY
from tests.nginx_sample import nginx
from tests.programs import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hub.sock"


@pytest.fixture
def client(path):
    with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path)), base_url="http://hub") as lent:
        yield lent


def test_it_is_served_examined_refused_to_a_second_process_and_replaced_after_a_crash(
    migrated_cli, path, client
):
    cli = migrated_cli.changed(TRUNKLINE_SERVER__SOCKET=str(path))
    with cli.started("serve") as process:
        process.says(f"trunkline listens on unix:{path}\n$")
        assert client.get("/readyz").json() == READY
        report = json.loads(cli.run("doctor", "--json").stdout)
        assert f"The hub at {path} is ready." in {check["detail"] for check in report["checks"]}
        second = cli.run("serve")
        assert (second.returncode, second.stderr.splitlines()[-1]) == (
            2, f"Setting 'server.socket': cannot listen at {path}: another process listens there.",
        )  # fmt: skip
        process.stop(signal.SIGKILL)
    assert path.exists()
    with cli.started("serve") as process:
        process.says(f"trunkline listens on unix:{path}\n$")
        assert client.get("/readyz").json() == READY
        assert process.stop() == 0
    assert not path.exists()
    assert cli.run("doctor", "--json").stdout.count(f"No hub runs at {path}.") == 1


def test_several_processes_answer_at_it_and_nginx_names_the_client(postgres_cli, path, client, tmp_path):
    cli = postgres_cli.changed(TRUNKLINE_SERVER__SOCKET=str(path))
    key = cli.create_key("--company", "92", "--scope", "events:read", "--network", "127.0.0.3")
    servers = (
        f"upstream hub {{ server unix:{path}; }} server {{ listen 127.0.0.1:{(port := free_port())}; location / {{ "
        "proxy_pass http://hub; proxy_set_header X-Forwarded-For $remote_addr; } }"
    )
    with cli.started("serve", "--workers", "2") as process, nginx(tmp_path, servers):
        process.says(f"trunkline listens on unix:{path}\n$")
        assert len(process.children()) == 2
        assert client.get("/readyz").status_code == 200
        for address, status in (("127.0.0.2", 403), ("127.0.0.3", 200)):
            transport = httpx2.HTTPTransport(local_address=address)
            with httpx2.Client(transport=transport, base_url=f"http://127.0.0.1:{port}") as behind:
                assert behind.get("/api/v1/me", headers={"X-Api-Key": key}).status_code == status
        assert process.stop() == 0
    assert not path.exists()


def test_a_socket_that_systemd_hands_over_is_taken_and_stays(migrated_cli, path, client):
    script = 'exec 3<&"$1"; shift; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
    with socket.socket(socket.AF_UNIX) as handed_over:
        handed_over.bind(str(path))
        handed_over.listen()
        number = handed_over.fileno()
        command = ["bash", "-c", script, "bash", str(number), *migrated_cli._command(["serve"])]
        with subprocess.Popen(
            command, cwd=migrated_cli.folder, env=migrated_cli._environment(), pass_fds=[number]
        ) as process:
            try:
                assert client.get("/readyz", timeout=60).json() == READY
                process.terminate()
                assert (process.wait(60), path.exists()) == (0, True)
            finally:
                process.kill()
