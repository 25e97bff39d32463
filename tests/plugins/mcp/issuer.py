"""An issuer of access tokens on this machine: its metadata, its keys, and valid and invalid tokens of every kind."""

import asyncio
import base64
import contextlib
import functools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE = "http://hub.test/mcp"


@functools.cache
def _rsa_key(kid: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    """Answers a hub's requests; *reads* counts them."""

    url: str = ""
    keys: dict[str, Any] = field(default_factory=lambda: {"one": _rsa_key("one")})
    reads: Counter[str] = field(default_factory=Counter)
    is_away: bool = False
    delay_seconds: float = 0

    def token(
        self,
        *,
        kid: str | None = "one",
        key: Any = None,
        algorithm: str = "RS256",
        header_typ: str | None = "at+jwt",
        **changed: Any,
    ) -> str:
        """Make a token; a claim set to None is left out."""
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "user-1",
            "exp": int(time.time()) + 300,
            "scope": "integrations:read events:read openid",
            "company_id": 92,
            **changed,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"typ": header_typ} if kid is None else {"typ": header_typ, "kid": kid}
        return jwt.encode(claims, self.keys[kid or "one"] if key is None else key, algorithm, headers=headers)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [_public(kid, key) for kid, key in self.keys.items()]}

    def documents(self) -> dict[str, Any]:
        return {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": self.jwks(),
        }

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.reads[path] += 1
        await asyncio.sleep(self.delay_seconds)
        documents = self.documents()
        status = 503 if self.is_away else 200 if path in documents else 404
        body = json.dumps(documents.get(path, {})).encode()
        writer.write(
            b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body)
        )
        await writer.drain()
        writer.close()


Kind = TypeVar("Kind", bound=Issuer)


@contextlib.asynccontextmanager
async def issuing(kind: type[Kind] = Issuer) -> AsyncIterator[Kind]:
    issuer = kind()
    server = await asyncio.start_server(issuer._answer, "127.0.0.1", 0)
    async with server:
        issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield issuer


def other_key(kind: str) -> Any:
    return {
        "rsa": lambda: _rsa_key("two"),
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
        "ed": ed25519.Ed25519PrivateKey.generate,
    }[kind]()


def _public(kid: str, key: Any) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = jwt.algorithms.RSAAlgorithm
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = jwt.algorithms.ECAlgorithm
    else:
        algorithm = jwt.algorithms.OKPAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


def unsigned(token: str, **header: Any) -> str:
    """Remove a token's signature, and name another algorithm."""
    _, claims, _ = token.split(".")
    encoded = base64.urlsafe_b64encode(json.dumps({"alg": "none", **header}).encode()).rstrip(b"=").decode()
    return f"{encoded}.{claims}."
