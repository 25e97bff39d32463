"""What log lines look like, and what never stands in one."""

import io
import json
import logging
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


def test_a_line_on_a_terminal_is_for_people():
    assert "disabled it" in _written(Terminal())
    assert not _written(Terminal()).startswith("{")


def test_the_form_can_be_chosen():
    assert _written(Terminal(), format="json").startswith("{")
    assert not _written(io.StringIO(), format="console").startswith("{")


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


def test_libraries_are_heard_only_when_they_warn():
    out = io.StringIO()
    logs.set_up(Logging(level="debug"), stream=out)
    logging.getLogger("alembic.runtime.migration").info("Context impl SQLiteImpl")
    assert _text_of(out) == ""
