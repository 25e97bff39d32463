"""The format of log lines, and data that they never contain."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from trunkline.runtime import logs
from trunkline.settings import Logging

API_KEY = "wlcro_live_92_Jx2yV0o5m1dH8rQfYw3tZb7nKc9uLe4aSg6iPhDk3Qw"
SECRETS = [
    API_KEY,
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/==",
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)


def _written(stream, *, format="auto", level="info"):
    logs.set_up(Logging(format=format, level=level), stream=stream)
    log = logging.getLogger("trunkline.test")
    log.debug("unheard of")
    log.warning("disabled %s", "it", extra={"subscription_id": "sub_1", "company_id": 92})
    return _text_of(stream)


def _text_of(stream):
    logging.getLogger().handlers[0].flush()
    return stream.getvalue()


def test_a_line_for_machines_is_json_with_every_id_and_a_utc_time():
    entry = json.loads(_written(io.StringIO()))
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "message": "disabled it", "level": "warning", "logger": "trunkline.test", "subscription_id": "sub_1",
        "company_id": 92,
    }  # fmt: skip


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_what_strangers_sent_neither_steers_a_terminal_nor_forges_a_line(stream):
    logs.set_up(Logging(), stream=(written := stream()))
    hostile = "a\x1b]0;b\x07\x9b2Jc\u202ed"
    try:
        raise ValueError(hostile)
    except ValueError:
        logging.getLogger("trunkline.test").exception(
            "said %s\nforged", hostile, extra={"client_id": hostile}
        )
    text = _text_of(written)
    if stream is Terminal:
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # the colours are the log's own
    assert not set(text) & set("\x1b\x07\x9b\u202e")
    assert not any(line.startswith("forged") for line in text.splitlines())
    assert "ValueError" in text


@pytest.mark.parametrize(
    ("stream", "format", "is_json"),
    [(Terminal, "auto", False), (Terminal, "json", True), (io.StringIO, "console", False)],
)
def test_a_line_on_a_terminal_is_for_people_unless_the_form_is_chosen(stream, format, is_json):
    written = _written(stream(), format=format)
    assert "disabled it" in written
    assert written.startswith("{") is is_json


def test_the_level_can_be_chosen():
    assert "unheard of" in _written(io.StringIO(), level="debug")
    assert _written(io.StringIO(), level="error") == ""


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", ["message", "argument", "extra", "exception"])
def test_no_key_or_secret_stands_in_a_line_wherever_it_came_from(stream, secret, place):
    out = stream()
    logs.set_up(Logging(), stream=out)
    log = logging.getLogger("trunkline.test")
    if place == "message":
        text = f"got {secret}"
        log.error(text)
    elif place == "argument":
        log.error("got %s", {"key": secret})
    elif place == "extra":
        log.error("got", extra={"headers": [secret]})
    else:
        try:
            raise ValueError(secret)
        except ValueError:
            log.exception("failed")
    written = _text_of(out)
    assert secret[15:] not in written
    assert "…" in written


def test_what_tells_keys_apart_is_left():
    assert logs.redact(API_KEY) == "wlcro_live_92_…"
    assert logs.redact("postgresql://hub:hunter2@db/trunkline") == "postgresql://hub:…@db/trunkline"
    assert logs.redact("sub_abc dlv_1_2 key_abc") == "sub_abc dlv_1_2 key_abc"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Basic ZGVzazpvYXNfSngyeVYwbzVtMWRI", "Authorization: Basic …"),
        ("sent bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "sent bearer …"),
        ("got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_x", "got eyJ…"),
        ("/portal/enter?link=AXx_9sealed-9", "/portal/enter?link=…"),
        ("Cookie: __Host-trunkline_portal=AXx_9sealed-9; a=1", "Cookie: __Host-trunkline_portal=…; a=1"),
        ("Basic credentials, sort_ascending_order", "Basic credentials, sort_ascending_order"),
    ],
)
def test_what_opens_a_door_is_hidden_whatever_it_stands_in(text, left):
    assert logs.redact(text) == left


def test_of_many_refusals_of_a_kind_few_are_written_with_their_count():
    out = io.StringIO()
    logs.set_up(Logging(format="json"), stream=out)
    log = logging.getLogger(logs.SECURITY)
    for _ in range(100):
        log.warning("no", extra={"security_event": "sign_in_failed"})
    log.warning("no", extra={"security_event": "client_refused"})
    for _ in range(50):
        log.info("yes", extra={"security_event": "consent_given"})
    lines = [json.loads(line) for line in _text_of(out).splitlines()]
    failed = [line["count"] for line in lines if line["security_event"] == "sign_in_failed"]
    assert failed == [*range(1, 11), 20, 40, 80]
    assert [line["count"] for line in lines if line["security_event"] == "client_refused"] == [1]
    assert sum(line["security_event"] == "consent_given" for line in lines) == 50


def test_libraries_are_heard_only_when_they_warn():
    out = io.StringIO()
    logs.set_up(Logging(level="debug"), stream=out)
    logging.getLogger("alembic.runtime.migration").info("Context impl SQLiteImpl")
    assert _text_of(out) == ""
