"""OAuth: tokens in a loop, apps connected in a loop, guessed codes, and forged tokens."""

import asyncio
import contextlib
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from html import unescape
from urllib.parse import urlencode, urlsplit

import orjson
from attack import Attack
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from row import row

from rows.portal import Browser, signed_in

_CALLBACK = "https://desk.example/callback"
_APPS = {
    "OAUTH__APPS": orjson.dumps(
        [{"client_id": "desk", "name": "Desk", "redirect_uris": [_CALLBACK]}]
    ).decode()
}
_VERIFIER = "v" * 50
_CHALLENGE = urlsafe_b64encode(sha256(_VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def _token(attack: Attack, **fields: str) -> dict[str, str]:
    answer = await attack.ask("POST", "/oauth/token", data={"client_id": "desk", **fields})
    return answer.json() if answer.status == 200 else {}


async def _use(attack: Attack, token: str) -> None:
    await attack.ask("GET", "/api/v1/me", headers={"Authorization": f"Bearer {token}"})


async def _connect(attack: Attack, browser: Browser) -> dict[str, str]:
    """Connect the app with the attacker's company; return its tokens, empty if the connection was refused."""
    asked = {"response_type": "code", "client_id": "desk", "redirect_uri": _CALLBACK, "scope": "events:read"}
    asked |= {"code_challenge": _CHALLENGE, "code_challenge_method": "S256", "state": "s" * 2_000}
    address = f"{attack.url}/oauth/authorize?{urlencode(asked)}"
    async with attack.http.get(address, allow_redirects=False) as answer:
        consent = answer.headers.get("Location", "").removeprefix("/portal")
    path = f"{browser.root}{consent}"
    await browser.get(path)
    there = await browser.post_for_location(path, decision="allow", scope="events:read")
    code = re.search(r"[?&]code=([^&]+)", there)
    if code is None:
        return {}
    grant = {"grant_type": "authorization_code", "redirect_uri": _CALLBACK, "code_verifier": _VERIFIER}
    return await _token(attack, code=unescape(code[1]), **grant)


@row(settings=_APPS)
async def tokens_in_a_loop(attack: Attack) -> None:
    """An app refreshes its tokens, and calls with old and new ones, as often as the limits allow."""
    async with signed_in(attack) as browser:
        tokens = await _connect(attack, browser)
    held = [tokens.get("refresh_token", "")]

    async def act(turn: int) -> None:
        new = await _token(attack, grant_type="refresh_token", refresh_token=held[-1])
        held.append(new.get("refresh_token", held[-1]))
        await _use(attack, new.get("access_token", f"oat_{turn}"))

    await attack.repeat(act, at_once=4)


@row(settings=_APPS)
async def apps_in_a_loop(attack: Attack) -> None:
    """Somebody connects an app repeatedly, with a state of the maximum length."""
    async with signed_in(attack) as browser:

        async def act(_: int) -> None:
            await _connect(attack, browser)

        await attack.repeat(act, at_once=1)


@row(settings=_APPS)
async def guessed_codes(attack: Attack) -> None:
    """Guessed codes, refresh tokens and access tokens, eight at a time, without a key."""

    async def act(turn: int) -> None:
        if turn % 3 == 0:
            await _token(attack, grant_type="refresh_token", refresh_token=f"ort_{turn}")
        elif turn % 3 == 1:
            await _token(attack, grant_type="authorization_code", code=f"oac_{turn}", code_verifier=_VERIFIER)
        else:
            await _use(attack, f"oat_{turn}")

    await attack.repeat(act, at_once=8)


_ISSUER = "http://127.0.0.1:48118"


async def _slow_issuer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes) -> None:
    """Answer with metadata, or with the one *key*, after a second."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        request = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1)
        metadata = orjson.dumps({"issuer": _ISSUER, "jwks_uri": f"{_ISSUER}/keys"})
        body = key if b" /keys " in request else metadata
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()
    writer.close()


def _part(value: object) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


@row(
    settings={"AUTH__OAUTH": orjson.dumps({"issuer": _ISSUER, "audience": "hub"}).decode()},
)
async def tokens_that_no_issuer_gave(attack: Attack) -> None:
    """Access tokens of the maximum length, signed with an unknown key or with a wrong signature, eight at a time."""
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    key = {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": "own"}
    claims = _part({"iss": _ISSUER, "aud": "hub", "sub": "x" * 5_000, "exp": 2**40, "company_id": 92})
    signature = urlsafe_b64encode(b"s" * 256).rstrip(b"=").decode()

    async def act(turn: int) -> None:
        header = _part({"alg": "RS256", "kid": "own" if turn % 2 else f"key-{turn}"})
        await _use(attack, f"{header}.{claims}.{signature}")

    body = orjson.dumps({"keys": [key]})
    port = urlsplit(_ISSUER).port
    async with await asyncio.start_server(lambda *ends: _slow_issuer(*ends, body), "127.0.0.1", port):
        await attack.repeat(act, at_once=8)
