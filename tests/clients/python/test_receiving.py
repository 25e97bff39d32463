"""Receivers: refused requests with their reasons, and each event handled once, in FastAPI, Flask and Django."""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import fastapi
import flask
import pytest
from fastapi.testclient import TestClient

from trunkline.runtime.clock import now_ms
from trunkline.targets import signatures
from trunkline_client import Event, MemorySeen, NotGenuine, Receiver, sign, verify_webhook
from trunkline_client.fastapi import event_of
from trunkline_client.flask import event_view

SECRET = signatures.new_secret("standard")
SEED = signatures.new_secret("ed25519")
BODY = b'{"id":7,"type":"a.b","createdUtc":"2026-01-28T10:30:00Z","companyId":92,"payload":{}}'


def signed(scheme: str = "standard", *, body: bytes = BODY, seconds_ago: int = 0) -> dict[str, str]:
    secret = SEED if scheme == "ed25519" else SECRET
    timestamp = now_ms() // 1000 - seconds_ago
    return signatures.headers(scheme, secrets=(secret,), event_id="7", timestamp=timestamp, body=body)


@pytest.mark.parametrize(
    ("code", "changed", "body"),
    [
        *(("missing", {name: ""}, BODY) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")),
        ("malformed", {"webhook-timestamp": "soon"}, BODY),
        ("malformed", {"webhook-signature": "nonsense"}, BODY),
        ("mismatch", {}, BODY + b" "),
        ("mismatch", {"webhook-id": "8"}, BODY),
        ("mismatch", {"webhook-signature": "v1,AAAA"}, BODY),
        ("mismatch", {"webhook-signature": "v1,é"}, BODY),
        ("mismatch", {"webhook-signature": "v1a,AAAA"}, BODY),
    ],
)
def test_what_is_not_genuine_has_a_code(code, changed, body):
    with pytest.raises(NotGenuine) as refused:
        verify_webhook(body, signed() | changed, secret=SECRET)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("code", "body", "seconds_ago"),
    [("malformed", b"[]", 0), ("malformed", b"\xff", 0), ("expired", BODY, 302), ("expired", BODY, -310)],
)
def test_so_has_a_signed_body_that_is_old_or_no_event(code, body, seconds_ago):
    with pytest.raises(NotGenuine) as refused:
        verify_webhook(body, signed(body=body, seconds_ago=seconds_ago), secret=SECRET)
    assert refused.value.code == code


def test_ed25519_and_a_change_from_one_scheme_to_the_other():
    public = signatures.public_key(SEED)
    other = signatures.public_key(signatures.new_secret("ed25519"))
    assert verify_webhook(BODY, signed("ed25519"), secret=[SECRET, other, public]).id == 7
    assert verify_webhook(BODY, signed(), secret=[other, SECRET]).id == 7
    for body, headers in (
        (BODY + b" ", signed("ed25519")),
        (BODY, signed("ed25519") | {"webhook-signature": "v1a,é"}),
    ):
        with pytest.raises(NotGenuine, match="no key that you have"):
            verify_webhook(body, headers, secret=public)


def test_a_secret_that_is_none_is_the_programs_own_fault():
    with pytest.raises(ValueError, match="a secret is 'whsec_' or 'whpk_' and base64"):
        verify_webhook(BODY, signed(), secret="whsec_%%%")


def test_sign_does_what_the_hub_does():
    headers = signed()
    assert sign(BODY, id="7", secret=SECRET, timestamp=int(headers["webhook-timestamp"])) == headers


class Handled:
    """The events that a receiver has handled; handling fails while *fails* is set."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.fails = False

    def __call__(self, event: Event) -> None:
        if self.fails:
            msg = "the database is away"
            raise RuntimeError(msg)
        self.ids.append(event.id)


Post = Callable[[bytes, dict[str, str]], tuple[int, Any]]


@contextlib.contextmanager
def in_fastapi(receiver: Receiver, handled: Handled) -> Iterator[Post]:
    app = fastapi.FastAPI()

    @app.post("/hook", status_code=204)
    def hook(event: Annotated[Event, fastapi.Depends(event_of(receiver))]) -> None:
        handled(event)

    def post(body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        answer = client.post("/hook", content=body, headers=headers)
        return answer.status_code, answer.json()["detail"] if answer.status_code == 401 else None

    with TestClient(app, raise_server_exceptions=False) as client:
        yield post


@contextlib.contextmanager
def in_flask(receiver: Receiver, handled: Handled) -> Iterator[Post]:
    app = flask.Flask("receiver")

    @app.post("/hook")
    @event_view(receiver)
    def hook(event: Event) -> None:
        handled(event)

    def post(body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        answer = app.test_client().post("/hook", data=body, headers=headers, content_type="application/json")
        return answer.status_code, answer.get_json(silent=True)

    yield post


@contextlib.contextmanager
def in_django(receiver: Receiver, handled: Handled) -> Iterator[Post]:
    configured_django()
    from django.test import Client
    from django.urls import path

    @importlib.import_module("trunkline_client.django").event_view(receiver)
    def hook(event: Event) -> None:
        handled(event)

    sys.modules[__name__].urlpatterns = [path("hook", hook)]  # type: ignore[attr-defined]

    def post(body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        client = Client(raise_request_exception=False, enforce_csrf_checks=True)
        answer = client.post("/hook", data=body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json() if answer.status_code == 401 else None

    yield post


def configured_django() -> None:
    """Set Django up once in this process."""
    from django.conf import settings

    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", USE_TZ=True)
        importlib.import_module("django").setup()


@pytest.mark.parametrize("serve", [in_fastapi, in_flask, in_django])
def test_a_receiver_handles_each_event_once_and_again_if_it_failed(serve, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__, importlib.import_module(__name__)))
    handled = Handled()
    with serve(Receiver(SECRET, seen=MemorySeen()), handled) as post:
        assert post(BODY, signed() | {"webhook-id": "8"}) == (
            401,
            {"code": "mismatch", "message": "no key that you have made this signature"},
        )
        handled.fails = True
        assert post(BODY, signed())[0] == 500
        handled.fails = False
        assert [post(BODY, signed())[0] for _ in range(3)] == [204] * 3
    assert handled.ids == [7]
