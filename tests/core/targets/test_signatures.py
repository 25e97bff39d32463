"""Signatures that common verifiers accept or refuse, and the headers that a subscription may add."""

import base64
import contextlib
import hashlib
import hmac
import importlib
import json
import time
import timeit

import pytest
import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from trunkline.targets import signatures

BODY = '{"id":45678,"type":"client.created","payload":{"first_name":"Zoë","amount":99.00}}'.encode()
NEW, OLD, OTHER = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
NEW_SEED, OLD_SEED = ("whsk_" + base64.b64encode(bytes([n]) * 32).decode() for n in (4, 5))


@pytest.fixture(scope="module", params=["standardwebhooks", "svix.webhooks"])
def off_the_shelf(request):
    """Give a package of verifiers; importing Svix's takes a third of a second, like Stripe's below."""
    return importlib.import_module(request.param)


@pytest.fixture
def verifier(off_the_shelf):
    return off_the_shelf.Webhook


@pytest.fixture
def refusal(off_the_shelf):
    return off_the_shelf.WebhookVerificationError


@pytest.fixture(scope="module")
def stripe():
    """Give Stripe's client; importing it takes half a second, so only a process that runs these tests does it."""
    return importlib.import_module("stripe")


def now():
    return int(time.time())  # the verifiers read the wall clock


def signed(scheme="standard", *, secrets=(NEW,), body=BODY, timestamp=None):
    moment = now() if timestamp is None else timestamp
    return signatures.headers(scheme, secrets=secrets, event_id="45678", timestamp=moment, body=body)


def test_the_specification_s_own_example_is_reproduced():
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    made = signatures.headers(
        "standard",
        secrets=("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",),
        event_id="msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        timestamp=1649367553,
        body=b'{"email":"test@example.com","username":"test_user"}',
    )
    assert made == {
        "webhook-id": "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "webhook-timestamp": "1649367553",
        "webhook-signature": "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    }


NOT_AS_SIGNED = pytest.mark.parametrize(
    ("body", "secret", "age"),
    [(BODY + b" ", NEW, 0), (BODY, OTHER, 0), (BODY, NEW, 600)],
    ids=["tampered", "wrong secret", "old"],
)


class TestOffTheShelfVerifiersOfTheStandard:
    @NOT_AS_SIGNED
    def test_refuse_what_is_not_as_signed(self, verifier, refusal, body, secret, age):
        with pytest.raises(refusal):
            verifier(secret).verify(body, signed(timestamp=now() - age))

    def test_refuse_another_attempt_s_timestamp(self, verifier, refusal):
        headers = {**signed(timestamp=now() - 5), "webhook-timestamp": str(now())}
        with pytest.raises(refusal):
            verifier(NEW).verify(BODY, headers)

    def test_accept_either_secret_while_both_are_live(self, verifier, refusal):
        for secret in (NEW, OLD):
            verifier(secret).verify(BODY, signed(secrets=(NEW, OLD)))
        with pytest.raises(refusal):
            verifier(OLD).verify(BODY, signed(secrets=(NEW,)))


BODIES = st.dictionaries(st.text(max_size=9), st.text(max_size=30) | st.integers()).map(
    lambda value: json.dumps(value).encode()
)
KEYS = st.binary(min_size=24, max_size=64)


@given(BODIES, KEYS)
def test_any_body_signed_with_any_secret_is_accepted_by_the_standard_verifier(body, key):
    secret = "whsec_" + base64.b64encode(key).decode()
    standardwebhooks.Webhook(secret).verify(body, signed(secrets=(secret,), body=body))


@given(st.binary(max_size=500))
def test_github_is_the_hex_hmac_of_the_body_keyed_with_the_secret_as_shown(body):
    expected = "sha256=" + hmac.new(NEW.encode(), body, hashlib.sha256).hexdigest()
    assert signed("github", body=body)["X-Hub-Signature-256"] == expected


def test_github_s_own_example_is_reproduced():
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    made = signed("github", secrets=("It's a Secret to Everybody",), body=b"Hello, World!")
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert made["X-Hub-Signature-256"] == expected


def test_github_signs_with_the_new_secret_only_during_a_rotation():
    assert signed("github", secrets=(NEW, OLD), timestamp=1) == signed("github", secrets=(NEW,), timestamp=1)


def stripe_verifies(header, body, secret):
    """Verify by Stripe's documented manual steps (https://docs.stripe.com/webhooks#verify-manually)."""
    pairs = [part.split("=", 1) for part in header.split(",")]
    timestamp = next(value for key, value in pairs if key == "t")
    expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected, value) for key, value in pairs if key == "v1")


@given(BODIES)
def test_stripe_s_documented_steps_and_its_client_accept_what_is_signed(stripe, body):
    header = signed("stripe", body=body)["trunkline-signature"]
    assert stripe_verifies(header, body, NEW)
    assert stripe.WebhookSignature.verify_header(body.decode(), header, NEW, tolerance=300)
    assert not stripe_verifies(header, body + b" ", NEW)


@NOT_AS_SIGNED
def test_stripe_s_client_refuses_what_is_not_as_signed(stripe, body, secret, age):
    header = signed("stripe", timestamp=now() - age)["trunkline-signature"]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)


def test_stripe_carries_one_signature_per_live_secret(stripe):
    header = signed("stripe", secrets=(NEW, OLD), timestamp=7)["trunkline-signature"]
    assert header.startswith("t=7,v1=")
    assert header.count("v1=") == 2
    for secret in (NEW, OLD):
        assert stripe_verifies(header, BODY, secret)
        assert stripe.WebhookSignature.verify_header(BODY.decode(), header, secret)
    assert not stripe_verifies(header, BODY, OTHER)


def ed25519_verifies(headers, body, public):
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_"), validate=True))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    versions = [part.split(",") for part in headers["webhook-signature"].split(" ")]
    assert {version for version, _ in versions} == {"v1a"}
    for _, signature in versions:
        with contextlib.suppress(InvalidSignature):
            key.verify(base64.b64decode(signature, validate=True), content)
            return True
    return False


@given(st.binary(max_size=500), st.binary(min_size=32, max_size=32))
def test_ed25519_is_verified_with_the_public_key_alone(body, seed):
    secret = "whsk_" + base64.b64encode(seed).decode()
    headers = signed("ed25519", secrets=(secret,), body=body)
    assert ed25519_verifies(headers, body, signatures.public_key(secret))
    assert not ed25519_verifies(headers, body + b" ", signatures.public_key(secret))


def test_ed25519_carries_one_signature_per_live_key():
    headers = signed("ed25519", secrets=(NEW_SEED, OLD_SEED))
    for secret in (NEW_SEED, OLD_SEED):
        assert ed25519_verifies(headers, BODY, signatures.public_key(secret))
    assert not ed25519_verifies(headers, BODY, signatures.public_key(signatures.new_secret("ed25519")))


def test_a_public_key_is_that_of_the_seed():
    # RFC 8032 §7.1, test 1
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    secret = "whsk_" + base64.b64encode(seed).decode()
    assert signatures.public_key(secret) == "whpk_" + base64.b64encode(public).decode()


OWN_HEADER = {
    "standard": "webhook-signature",
    "github": "X-Hub-Signature-256",
    "stripe": "trunkline-signature",
    "ed25519": "webhook-signature",
}


@pytest.mark.parametrize("scheme", signatures.SCHEMES)
class TestEveryScheme:
    def test_sends_id_and_timestamp_and_its_own_header_only(self, scheme):
        secret = signatures.new_secret(scheme)
        headers = signed(scheme, secrets=(secret,), timestamp=1649367553)
        own = OWN_HEADER[scheme]
        plain = {"webhook-id": "45678", "webhook-timestamp": "1649367553"}
        assert headers == plain | {own: headers[own]}

    def test_signs_the_same_with_a_prepared_signer(self, scheme):
        secrets = (signatures.new_secret(scheme), signatures.new_secret(scheme))
        signer = signatures.Signer(scheme, secrets=secrets)
        assert signer.headers("45678", timestamp=5, body=BODY) == signed(scheme, secrets=secrets, timestamp=5)

    def test_signs_nothing_without_a_secret(self, scheme):
        assert set(signed(scheme, secrets=())) == {"webhook-id", "webhook-timestamp"}

    def test_makes_secrets_that_differ(self, scheme):
        assert signatures.new_secret(scheme) != signatures.new_secret(scheme)

    def test_keeps_secrets_out_of_the_signer_s_repr(self, scheme):
        secret = signatures.new_secret(scheme)
        assert secret.split("_")[1][:8] not in repr(signatures.Signer(scheme, secrets=(secret,)))

    def test_signs_in_microseconds(self, scheme):
        signer = signatures.Signer(scheme, secrets=(signatures.new_secret(scheme),))
        sign = lambda: signer.headers("45678", timestamp=1649367553, body=b"x" * 512)  # noqa: E731
        best = min(timeit.repeat(sign, number=200, repeat=5)) / 200
        # 37 and 3 µs measured, on a busy machine more
        assert best < (400e-6 if scheme == "ed25519" else 30e-6)


def test_an_unknown_scheme_is_refused_by_name():
    with pytest.raises(ValueError, match="'sha1' is no signature scheme"):
        signatures.Signer("sha1", secrets=(NEW,))


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        ("standard", "hunter2"),
        ("standard", "whsec_hunter2é"),
        ("standard", NEW_SEED),
        ("ed25519", NEW),
        ("ed25519", "whsk_aHVudGVyMg=="),
    ],
)
def test_a_malformed_secret_is_refused_without_showing_it(scheme, secret):
    with pytest.raises(ValueError) as caught:
        signatures.Signer(scheme, secrets=(secret,))
    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_new_secret_is_thirty_two_random_bytes_in_base64():
    for scheme, prefix in (("standard", "whsec_"), ("ed25519", "whsk_")):
        secret = signatures.new_secret(scheme)
        assert len(base64.b64decode(secret.removeprefix(prefix), validate=True)) == 32
    assert signatures.check_secret(signatures.new_secret("github")) is None


@pytest.mark.parametrize("size", [24, 25, 32, 64])
def test_an_own_secret_of_24_to_64_bytes_is_accepted(size):
    assert signatures.check_secret("whsec_" + base64.b64encode(b"\xff" * size).decode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "hunter2",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        base64.b64encode(bytes(32)).decode(),
        "WHSEC_" + base64.b64encode(bytes(32)).decode(),
        "whsec_" + base64.b64encode(bytes(32)).decode().rstrip("="),
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "whsec_" + base64.b64encode(bytes(24)).decode() + "\n",
        "whsec_" + "é" * 40,
        NEW_SEED,
    ],
)
def test_an_own_secret_of_another_form_is_refused_with_the_reason(text):
    reason = signatures.check_secret(text)
    assert reason is not None
    assert "24 to 64 bytes" in reason


def test_a_subscription_may_add_headers_of_its_own():
    own = {"Authorization": "Bearer 123", "X-Team": "Zo\t& Co.", "x-empty": ""}
    assert signatures.check_headers(own) == []
    assert signatures.check_headers({}) == []


@pytest.mark.parametrize(
    "name",
    [
        *sorted(signatures.RESERVED_HEADERS),
        *("Content-Type", "HOST", "User-Agent", "Transfer-Encoding", "Webhook-Id", "webhook-anything"),
        *("Trunkline-Attempt", "X-Hub-Signature-256"),
        *("", "two words", "colon:", "naïve", "line\nbreak", "trailing "),
    ],
)
def test_a_name_that_is_the_hub_s_or_no_name_at_all_is_refused(name):
    (fault,) = signatures.check_headers({name: "x"})
    assert fault.path == f"/headers/{name}"


@pytest.mark.parametrize("value", ["a\r\nb", "a\nb", "a\0b", "\x7f", "\x85", "é", "€", "\u2028"])
def test_a_value_that_is_not_printable_ascii_on_one_line_is_refused(value):
    (fault,) = signatures.check_headers({"x-team": value})
    assert fault.path == "/headers/x-team"


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({"a/b~c": "x"}, "/headers/a~1b~0c"),
        ({"x-team": "a", "X-Team": "b"}, "/headers/X-Team"),
        ({f"x-{n:02}": "" for n in range(51)}, "/headers"),
        ({"x-long": "v" * 4091}, "/headers"),
    ],
    ids=[
        "a strange name is escaped",
        "names that differ by case",
        "over fifty",
        "over four kibibytes in all",
    ],
)
def test_a_fault_of_headers_is_named_at_its_pointer(headers, path):
    assert [fault.path for fault in signatures.check_headers(headers)] == [path]


def test_fifty_headers_of_four_kibibytes_in_all_are_accepted():
    assert signatures.check_headers({f"x-{n:02}": "" for n in range(50)}) == []
    assert signatures.check_headers({"x-long": "v" * 4090}) == []
