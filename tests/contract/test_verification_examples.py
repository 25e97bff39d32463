"""The ways to verify in ``docs/how-to/verify-webhooks.md``, tested with the hub's signatures and with forgeries."""

import time
from collections.abc import Sequence

import pytest
from tests.contract.test_docs import NAMES_OF_SCHEMES, REFUSALS, SCHEMES, program

from trunkline import Signer
from trunkline.targets import signatures

SIGNATURE_HEADERS = {"github": "x-hub-signature-256", "stripe": "trunkline-signature"}
BODY = b'{"id":7,"type":"payment.failed"}'


def signed_by(scheme: str, secrets: Sequence[str], *, seconds_ago: int = 0) -> dict[str, str]:
    """Sign BODY as the hub does; names are in lower case, as receivers get them."""
    timestamp = int(time.time()) - seconds_ago
    made = Signer(scheme, secrets=tuple(secrets)).headers("7", timestamp=timestamp, body=BODY)
    return {name.lower(): value for name, value in made.items()}


def receivers_own(scheme: str, secret: str) -> str:
    return signatures.public_key(secret) if scheme == "ed25519" else secret


@pytest.mark.parametrize(("scheme", "text"), SCHEMES, ids=NAMES_OF_SCHEMES)
class TestEachWayToVerify:
    def test_takes_either_secret_during_a_rotation_and_no_third(self, scheme, text):
        verify = program(text)["verify"]
        new, old, third = (signatures.new_secret(scheme) for _ in range(3))
        headers = signed_by(scheme, (new, old))
        for secret in (new,) if scheme == "github" else (new, old):  # github signs only with the new secret
            assert verify(receivers_own(scheme, secret), headers, BODY)["id"] == 7
        with pytest.raises(REFUSALS):
            verify(receivers_own(scheme, third), headers, BODY)

    def test_refuses_what_is_an_hour_old_or_ahead(self, scheme, text):
        if scheme == "github":
            return  # this scheme signs no time, as the page says
        secret = signatures.new_secret(scheme)
        for seconds_ago in (3600, -3600):
            headers = signed_by(scheme, [secret], seconds_ago=seconds_ago)
            with pytest.raises(REFUSALS):
                program(text)["verify"](receivers_own(scheme, secret), headers, BODY)

    @pytest.mark.parametrize("ending", ["é", "€", "\u00ff" * 44, "v1", ",", "=", " "])
    def test_refuses_a_malformed_signature_like_any_other(self, scheme, text, ending):
        secret = signatures.new_secret(scheme)
        name = SIGNATURE_HEADERS.get(scheme, "webhook-signature")
        headers = signed_by(scheme, [signatures.new_secret(scheme)])
        for forged in (headers[name] + ending, headers[name].partition("=")[0] + ending, ending):
            with pytest.raises((*REFUSALS, KeyError)):
                program(text)["verify"](receivers_own(scheme, secret), headers | {name: forged}, BODY)
