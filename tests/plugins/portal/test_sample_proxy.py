"""The sample's nginx in front of a hub: it starts with the how-to's certificate, and guessed keys lock out only their own address."""

import itertools
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx2
import pytest
from tests.nginx_sample import Proxy, sample_proxy

pytestmark = pytest.mark.slow


@pytest.fixture
def served(serve_hub):
    """Start a hub that allows one wrong key a minute, and trusts the proxy."""
    return serve_hub(
        TRUNKLINE_PLUGINS__ENABLED="portal,webhooks",
        TRUNKLINE_PORTAL__SIGN_IN_PER_MINUTE="1",
        TRUNKLINE_SERVER__TRUSTED_PROXIES="127.0.0.1/32",
    )


@pytest.fixture
def proxy(tmp_path: Path, served) -> Iterator[Proxy]:
    with sample_proxy(tmp_path, [served.url]) as started:
        yield started


def _sign_in(client: httpx2.Client, key: str, **headers: str) -> int:
    page = client.get("/portal/sign-in").text
    token = unescape(re.findall(r'name="csrf" value="([^"]*)"', page)[0])
    form = {"csrf": token, "key": key, "next": "/portal"}
    return client.post("/portal/sign-in", data=form, headers=headers).status_code


def test_who_guesses_keys_through_the_samples_proxy_locks_nobody_else_out(proxy, served):
    with proxy.client("127.0.0.2") as guesser, proxy.client("127.0.0.3") as other:
        for number in itertools.count(1):  # the count starts again with each minute of the clock
            assert number < 5, "nobody is told to wait"
            forged = {"X-Forwarded-For": f"203.0.113.{number}"}
            if (status := _sign_in(guesser, "wrong", **forged)) == 429:
                break
            assert status == 422
        assert _sign_in(other, served.key) == 303
        assert other.get("/metrics").status_code == 404
        assert other.get("/api/v1/me", headers={"X-Api-Key": served.key}).json()["company_id"] == 92
