"""An issuer's keys over HTTP, with real tokens: how long they are cached, concurrent readers, and odd members of the answer."""

import asyncio
import logging
import time

import jwt
import pytest
from tests.plugins.mcp.issuer import AUDIENCE, Issuer, issuing

from trunkline.access import issuers
from trunkline.access.issuers import IssuerUnavailable
from trunkline.errors import Unauthenticated
from trunkline.outbound.origins import Origins

LOG = logging.getLogger("test")


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Allow reading the keys at any time."""
    monkeypatch.setattr(issuers, "PAUSE_SECONDS", 0)


@pytest.fixture
async def open_origin():
    async with Origins() as origins:
        yield origins.open


class Garbled(Issuer):
    """An issuer whose list of keys has invalid members."""

    def jwks(self):
        nonsense = [None, 5, "key", [], {}, {"kty": []}, {"kty": "OKP", "crv": 7, "kid": {}}]
        return {"keys": [*nonsense, *super().jwks()["keys"], {"kty": "RSA", "kid": [], "n": 1, "e": None}]}


class Careless(Issuer):
    """An issuer that publishes its private key."""

    def jwks(self):
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.keys["one"], as_dict=True)
        return {"keys": [{name: key[name] for name in ("kty", "n", "e", "d")} | {"kid": "one"}]}


class WithoutOpenId(Issuer):
    """An issuer with a path and only OAuth: its metadata are at the address of RFC 8414."""

    def documents(self):
        found = {"issuer": f"{self.url}/realms/main", "jwks_uri": f"{self.url}/keys"}
        place = "/.well-known/oauth-authorization-server/realms/main"
        return {place: found, "/keys": self.jwks()}


async def claim(known, token):
    return (await known.claims(token, audience=AUDIENCE))["sub"]


async def claim_again_and_again(known, token):
    for _ in range(400):
        await asyncio.sleep(0.1)
        await claim(known, token)


async def test_no_call_waits_for_a_slow_issuer_while_the_key_of_its_token_is_known(open_origin, monkeypatch):
    async with issuing() as issuer:
        known = issuers.Issuer(issuer.url, open_origin=open_origin, log=LOG)
        token = issuer.token()
        await claim(known, token)
        monkeypatch.setattr(issuers, "KEPT_SECONDS", 0)
        issuer.delay_seconds = 1.0
        began = time.monotonic()
        for _ in range(20):
            await claim(known, token)
        assert time.monotonic() - began < 0.99
        await asyncio.sleep(1.5)
        assert issuer.reads["/keys"] == 2  # one reading for all calls


async def test_a_key_that_was_taken_back_goes_with_the_next_reading(open_origin, monkeypatch):
    async with issuing() as issuer:
        known = issuers.Issuer(issuer.url, open_origin=open_origin, log=LOG)
        token = issuer.token()
        await claim(known, token)
        issuer.keys = {"two": issuer.keys["one"]}
        monkeypatch.setattr(issuers, "KEPT_SECONDS", 0)
        await claim(known, token)
        with pytest.raises(Unauthenticated):
            await claim_again_and_again(known, token)


async def test_a_key_that_nobody_confirms_ends_with_its_greatest_age(open_origin):
    async with issuing() as issuer:
        known = issuers.Issuer(issuer.url, open_origin=open_origin, log=LOG, keys_max_age_seconds=2)
        token = issuer.token()
        await claim(known, token)
        issuer.is_away = True
        await asyncio.sleep(0.4)
        await claim(known, token)
        await asyncio.sleep(2)
        with pytest.raises(IssuerUnavailable):
            await claim(known, token)
        issuer.is_away = False
        await claim(known, token)


async def test_what_is_no_key_is_skipped(open_origin):
    async with issuing(Garbled) as issuer:
        known = issuers.Issuer(issuer.url, open_origin=open_origin, log=LOG)
        assert await claim(known, issuer.token()) == "user-1"


async def test_a_private_key_is_not_read(open_origin):
    async with issuing(Careless) as issuer:
        known = issuers.Issuer(issuer.url, open_origin=open_origin, log=LOG)
        with pytest.raises(IssuerUnavailable):
            await claim(known, issuer.token())


@pytest.mark.parametrize("keys", [{}, "keys", None, 5])
async def test_keys_that_are_no_list_leave_those_before(open_origin, monkeypatch, keys):
    async with issuing() as issuer:
        known = issuers.Issuer(issuer.url, open_origin=open_origin, log=LOG)
        await claim(known, issuer.token())
        monkeypatch.setattr(issuer, "jwks", lambda: {"keys": keys})
        with pytest.raises(Unauthenticated):
            await claim(known, issuer.token(kid="two", key=issuer.keys["one"]))
        assert await claim(known, issuer.token()) == "user-1"


async def test_metadata_are_found_where_oauth_has_them(open_origin):
    async with issuing(WithoutOpenId) as issuer:
        known = issuers.Issuer(f"{issuer.url}/realms/main", open_origin=open_origin, log=LOG)
        assert await claim(known, issuer.token(iss=f"{issuer.url}/realms/main")) == "user-1"
