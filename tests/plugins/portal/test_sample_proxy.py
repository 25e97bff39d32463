"""The sample's nginx in front of a hub: it starts with the certificate of the how-to, and who guesses keys locks nobody else out."""

import itertools
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx2
import pytest
from tests.postgres_servers import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
HOW_TO = ROOT / "docs" / "how-to" / "run-in-production.md"
SAMPLE = ROOT / "docs" / "examples" / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
AROUND = """
user root;
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    include {folder}/default.conf;
}}
"""
"""What the image has around the sample."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The sample's nginx, on a port of this machine."""

    url: str
    trust: ssl.SSLContext

    def client(self, address: str) -> httpx2.Client:
        """Give a client that comes from *address*."""
        return httpx2.Client(
            base_url=self.url, transport=httpx2.HTTPTransport(verify=self.trust, local_address=address)
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the certificate that the how-to makes."""
    (command,) = re.findall(r"^mkdir tls && openssl .*\\\n.*$", HOW_TO.read_text(), re.MULTILINE)
    subprocess.run(["sh", "-ec", command], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.fixture
def served(serve_hub):
    """A hub that one wrong key in a minute is enough for, and that believes the proxy."""
    return serve_hub(
        TRUNKLINE_PLUGINS__ENABLED="portal,webhooks",
        TRUNKLINE_PORTAL__SIGN_IN_PER_MINUTE="1",
        TRUNKLINE_SERVER__TRUSTED_PROXIES="127.0.0.1/32",
    )


@pytest.fixture
def proxy(folder: Path, served) -> Iterator[Proxy]:
    if NGINX is None:
        pytest.skip("Debian's package nginx is not here")
    port, text = free_port(), SAMPLE.read_text()
    for there, here in (
        ("server api:8000;", f"server {served.url.removeprefix('http://')};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/nginx/tls/fullchain.pem", f"{folder}/tls/fullchain.pem"),
        ("/etc/nginx/tls/privkey.pem", f"{folder}/tls/privkey.pem"),
    ):
        assert text.count(there) == 1, there
        text = text.replace(there, here)
    (folder / "default.conf").write_text(text)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
    trust = ssl.create_default_context(cafile=str(folder / "tls" / "fullchain.pem"))
    trust.check_hostname = False  # it is for events.example.com
    process = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf"])
    try:
        made = Proxy(f"https://127.0.0.1:{port}", trust)
        _await(made, process)
        yield made
    finally:
        process.terminate()
        process.wait(20)


def _await(proxy: Proxy, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    with proxy.client("127.0.0.1") as client:
        while True:
            assert process.poll() is None, "nginx does not take the sample"
            assert time.monotonic() < deadline
            try:
                assert client.get("/healthz").status_code == 200
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return


def _sign_in(client: httpx2.Client, key: str, **headers: str) -> int:
    page = client.get("/portal/sign-in").text
    token = unescape(re.findall(r'name="csrf" value="([^"]*)"', page)[0])
    form = {"csrf": token, "key": key, "next": "/portal"}
    return client.post("/portal/sign-in", data=form, headers=headers).status_code


def test_who_guesses_keys_through_the_samples_proxy_locks_nobody_else_out(proxy, served):
    with proxy.client("127.0.0.2") as guesser, proxy.client("127.0.0.3") as other:
        for number in itertools.count(1):  # the count begins anew with each minute of the clock
            assert number < 5, "nobody is told to wait"
            forged = {"X-Forwarded-For": f"203.0.113.{number}"}
            if (status := _sign_in(guesser, "wrong", **forged)) == 429:
                break
            assert status == 422
        assert _sign_in(other, served.key) == 303
        assert other.get("/metrics").status_code == 404
        assert other.get("/api/v1/me", headers={"X-Api-Key": served.key}).json()["company_id"] == 92
