"""The nginx of the sample deployment, in front of hubs on this machine."""

import contextlib
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from tests.programs import free_port, output_of

ROOT = Path(__file__).parents[1]
HOW_TO = ROOT / "docs" / "how-to" / "run-in-production.md"
SAMPLE = ROOT / "docs" / "examples" / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
AROUND = """
user root;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    include {folder}/default.conf;
}}
"""
"""The configuration around the sample in the image."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The sample's nginx on a port of this machine, and its log."""

    url: str
    trust: ssl.SSLContext
    errors: Path

    def client(self, address: str) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.url, transport=httpx2.HTTPTransport(verify=self.trust, local_address=address)
        )


@contextlib.contextmanager
def sample_proxy(folder: Path, hubs: Sequence[str]) -> Iterator[Proxy]:
    """Run nginx with the how-to's certificate in front of *hubs* (URLs); skip the test if there is no nginx."""
    (command,) = re.findall(r"^mkdir tls && openssl .*\\\n.*$", HOW_TO.read_text(), re.MULTILINE)
    output_of("sh", "-ec", command, cwd=folder)
    port, text = free_port(), SAMPLE.read_text()
    servers = "".join(f"server {url.removeprefix('http://')} max_fails=0;" for url in hubs)
    for there, here in (
        ("resolver ${NGINX_LOCAL_RESOLVERS} valid=5s;", ""),  # Debian's nginx resolves no servers
        ("server api:8000 resolve max_fails=0;", servers),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/nginx/tls/fullchain.pem", f"{folder}/tls/fullchain.pem"),
        ("/etc/nginx/tls/privkey.pem", f"{folder}/tls/privkey.pem"),
    ):
        assert text.count(there) == 1, there
        text = text.replace(there, here)
    trust = ssl.create_default_context(cafile=str(folder / "tls" / "fullchain.pem"))
    trust.check_hostname = False  # the certificate is for events.example.com
    with nginx(folder, text) as process:
        made = Proxy(f"https://127.0.0.1:{port}", trust, folder / "error.log")
        _await(made, process)
        yield made


@contextlib.contextmanager
def nginx(folder: Path, servers: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run nginx with *servers* in its block ``http``; skip the test if there is no nginx."""
    if NGINX is None:
        pytest.skip("there is no nginx here: Debian's package 'nginx-light' brings it")
    (folder / "default.conf").write_text(servers)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
    process = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf"])
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _await(proxy: Proxy, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
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
