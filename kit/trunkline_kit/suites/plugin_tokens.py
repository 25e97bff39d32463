"""Checks of a plugin that authenticates bearer tokens (``authenticate_request``): it refuses tokens that it did not issue."""

import base64
import secrets
from collections.abc import Sequence

import httpx2

from trunkline.plugins.authentication import AUTHENTICATE
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, not_applicable
from trunkline_kit.hubs import MakeTestHub, TestHub
from trunkline_kit.suites.suite import Suite

CLAIMS = b'{"sub":"92","company_id":92,"companyId":92,"scope":"admin events:read","scopes":["admin"],"exp":4102444800}'
"""Claims in a forged token."""
UNSIGNED, SIGNED = b'{"alg":"none"}', b'{"alg":"HS256","kid":"1"}'
_SHOWN_CHARACTERS = 24


class TokenChecks(Suite):
    """Checks of ``authenticate_request`` with tokens that were never issued."""

    @check("plugin.lets-no-stranger-in", level=DELIVERS)
    async def test_lets_no_stranger_in(self, trunkline_hub: MakeTestHub) -> None:
        """A bearer token that was never issued, in any form, is answered with 401."""
        hub = await self._asking(trunkline_hub)
        for token in strangers_tokens():
            answer = await _ask(hub, token)
            demand(
                answer.status_code == 401,
                f"'{self.name}' lets a call with the bearer token '{token[:_SHOWN_CHARACTERS]}' be answered with {answer.status_code}; "
                "authenticate_request should give None for a token that is not its own, and check the signature of what looks so",
            )

    @check("plugin.logs-no-token", level=COMPLETE)
    async def test_logs_no_token(self, trunkline_hub: MakeTestHub) -> None:
        """No log line contains a bearer token of a call."""
        hub = await self._asking(trunkline_hub)
        tokens = [token for token in strangers_tokens() if len(token) > _SHOWN_CHARACTERS]
        for token in tokens:
            await _ask(hub, token)
        logged = hub.log.text_for("trunkline", self.name)
        demand(
            not any(token in logged for token in tokens),
            f"'{self.name}' writes a bearer token to the log; whoever reads it there may use it",
        )

    async def _asking(self, make_hub: MakeTestHub) -> TestHub:
        hub = await self.start(make_hub, dispatch=False)
        if hub.hub.registry.implementation(AUTHENTICATE, plugin=self.name) is None:
            not_applicable(f"it does not implement {AUTHENTICATE}")
        return hub


async def _ask(hub: TestHub, token: str) -> httpx2.Response:
    """Call ``/me`` with *token*."""
    return await hub.anonymous.get(
        "/api/v1/me", headers={b"Authorization": f"Bearer {token}".encode("latin-1")}
    )


def strangers_tokens() -> Sequence[str]:
    """Make tokens that were never issued, in many forms, some with claims about their owner."""
    plain, claims = secrets.token_urlsafe(32), _encoded(CLAIMS)
    unsigned = f"{_encoded(UNSIGNED)}.{claims}."
    signed = f"{_encoded(SIGNED)}.{claims}.{plain}"
    forms = ("x", "..", "a.b.c", "null", "' OR 1=1 --", "92", "é" * 40, "9" * 4000)
    return (*forms, plain, f"tok_{plain}", unsigned, signed, claims)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
