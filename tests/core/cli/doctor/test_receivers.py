"""The doctor's findings at receivers as people write them, each a separate server."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from trunkline.cli.doctor.examination import examine
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.files import package_event_types
from trunkline.targets.addresses import AddressPolicy
from trunkline.targets.signatures import new_secret

SECRET = new_secret("standard")
CATALOG = SchemaCatalog(package_event_types("trunkline_schemas"))


def verify_well(headers: dict[str, str], body: bytes) -> None:
    try:
        Webhook(SECRET).verify(body, headers)
    except (WebhookVerificationError, ValueError) as error:
        raise PermissionError from error


def verify_nothing(headers: dict[str, str], body: bytes) -> None:
    pass


def verify_until_junk_comes(headers: dict[str, str], body: bytes) -> None:
    try:
        Webhook(SECRET).verify(body, headers)
    except WebhookVerificationError as error:
        raise PermissionError from error


def verify_what_was_parsed(headers: dict[str, str], body: bytes) -> None:
    try:
        written = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
    except ValueError as error:
        raise PermissionError from error
    verify_well(headers, written.encode())


def verify_without_a_time(headers: dict[str, str], body: bytes) -> None:
    content = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = b"v1," + base64.b64encode(hmac.digest(key, content, "sha256"))
    if not hmac.compare_digest(expected, headers.get("webhook-signature", "").encode()):
        raise PermissionError


class Seen:
    """Ids under a unique key: of two equal ids at once, the second raises an error, as in a database."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def keep(self, id: str) -> None:
        if id in self._ids:
            return
        time.sleep(0.1)
        with self._lock:
            if id in self._ids:
                msg = "duplicate key"
                raise KeyError(msg)
            self._ids.add(id)


@contextmanager
def receiving(verify: Callable[[dict[str, str], bytes], None], keep: Callable[[str], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            try:
                verify(headers, body)
                keep(headers["webhook-id"])
                status = 204
            except PermissionError:
                status = 401
            except KeyError:
                status = 500
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(
            self, *_: Any
        ) -> None:  # an exception closes the connection, without a traceback here
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hooks"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("verify", "keep", "to_mend"),
    [
        (verify_well, lambda _: None, {}),
        (
            verify_nothing,
            lambda _: None,
            {
                "signature-wrong": "verify before you answer 2xx",
                "signature-old": "refuse what is more than 5 minutes off",
                "signature-ahead": "refuse what is more than 5 minutes off",
                "signature-tampered": "verify the raw body",
                "signature-rewritten": "verify the raw body, before any parser",
                "signature-missing": "verify before you answer 2xx",
                "signature-junk": "Accepts the signature 'junk', so anyone may send it events",
            },
        ),
        (
            verify_until_junk_comes,
            lambda _: None,
            {
                "signature-junk": (
                    "Answers nothing (connection_failed) to the signature 'junk', so anyone may make it fail; catch every "
                    "error of the verification, and answer 401"
                )
            },
        ),
        (
            verify_what_was_parsed,
            lambda _: None,
            {"signature-rewritten": "it verifies what it has parsed and written anew"},
        ),
        (
            verify_without_a_time,
            lambda _: None,
            {
                "signature-old": "whoever has recorded one may send it again",
                "signature-ahead": "one that somebody keeps back stays good for longer",
            },
        ),
        (
            verify_well,
            Seen().keep,
            {"duplicates-at-once": "Answers 500 to one of two deliveries of an event at once; store its id"},
        ),
    ],
    ids=["good", "verifies-nothing", "crashes-on-junk", "parses-first", "ignores-time", "races"],
)
async def test_a_receiver_is_told_what_to_change(verify, keep, to_mend):
    with receiving(verify, keep) as url:
        report = await examine(
            url,
            policy=AddressPolicy(allow_http=True, allow_private_networks=True),
            catalog=CATALOG,
            timeout_seconds=2.0,
            secret=SECRET,
        )
    found = {check.name: check.sentence for check in report.to_mend}
    assert found.keys() == to_mend.keys(), found
    for name, words in to_mend.items():
        assert words in found[name]
    assert report.not_tried == ()
