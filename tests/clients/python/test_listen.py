"""``trunkline-listen`` in a terminal, with a hub and a program to forward to."""

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import pytest
from tests import programs
from tests.clients.serving import Served

from trunkline_client import Client, verify_webhook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class Program(ThreadingHTTPServer):
    """The target of forwarded events: it notes the requests, and answers every second one with 500."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Program

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(204 if len(self.server.got) % 2 else 500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def program() -> Iterator[Program]:
    with Program() as program:
        thread = threading.Thread(target=program.serve_forever)
        thread.start()
        yield program
        program.shutdown()
        thread.join()


class Terminal:
    """A command that runs in a separate terminal."""

    def __init__(self, command: list[str], key: str) -> None:
        self._main, side = pty.openpty()
        environment = os.environ | {"TRUNKLINE_KEY": key, "COLUMNS": "100"}
        self._process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=environment)
        os.close(side)
        self.shown = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the end of the terminal's output
            while piece := os.read(self._main, 4096):
                self.shown += piece.decode().replace("\r\n", "\n")

    def press(self, key: str) -> None:
        os.write(self._main, key.encode())

    def wait_for(self, pattern: str) -> str:
        until(lambda: re.search(pattern, self.shown) is not None, lambda: self.shown)
        found = re.search(pattern, self.shown)
        assert found
        return found[found.re.groups]

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(60)
        self._reader.join(60)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(60)
        os.close(self._main)


def until(holds: Callable[[], bool], told: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


@pytest.mark.parametrize("command", ["trunkline_client.listen", "trunkline listen"])
def test_events_are_shown_forwarded_as_the_webhook_would_be_and_sent_again(
    command, sqlite_database_url, program
):
    run = [sys.executable, "-m", *command.split()]
    with Served(sqlite_database_url) as served, Client(served.url, served.key) as hub:
        hub.emit_test_event({"type": "client.created"})  # before it listens
        options = ["--url", served.url, "--forward", program.url, "--since", "beginning"]
        with Terminal([*run, *options, "--events", "payment.failed,client.*"], served.key) as terminal:
            secret = terminal.wait_for(r"signed with (whsec_\S+)")
            hub.emit_test_event({"type": "lead.created"})
            last = hub.emit_test_event({"type": "payment.failed"})
            until(lambda: len(program.got) == 2, lambda: terminal.shown)
            terminal.wait_for(
                r"payment.failed  {\"payment_id\":\d+.*…\n +→ 500 Internal Server Error in \d+ ms"
            )
            terminal.press("r")
            terminal.wait_for(rf"{last['id']}  payment.failed  again\n +→ 204 No Content in \d+ ms")
            terminal.press("2")
            until(lambda: len(program.got) == 4, lambda: terminal.shown)
            assert terminal.end() == 0
            cursor = terminal.wait_for(r"Go on with: --since (\S+)")
        events = [verify_webhook(body, headers, secret=secret) for headers, body in program.got]
        assert [event.type for event in events] == [
            "client.created",
            "payment.failed",
            "payment.failed",
            "client.created",
        ]
        assert [headers["trunkline-attempt"] for headers, _ in program.got] == ["1", "1", "2", "2"]
        assert events[1].cursor
        pushed = hub.call("GET", f"/api/v1/events/{last['id']}")
        assert b'"amount_attempted":99.00' in program.got[1][1]  # the digits of the log
        assert events[1].payload == pushed["payload"]
        later = hub.emit_test_event({"type": "payment.failed"})
        filtered = ["--since", cursor, "--filter", '{"payload.payment_id":{"gte":1}}']
        with Terminal([*run, *options[:4], *filtered], served.key) as rest:
            rest.wait_for(rf"\d\d:\d\d:\d\d  {later['id']}  payment.failed")
            hostile = {
                "failure_reason": "\x9b2J\u202e",
                "invoice_id": 1,
                "client_id": 1,
                "amount_attempted": 1,
            }
            hub.emit("payment.failed", {**hostile, "payment_id": 1})
            rest.wait_for("\ufffd2J\ufffd")
            assert rest.end() == 0
            assert f"  {last['id']}  " not in rest.shown


def test_the_cursor_is_said_before_any_event_is_handled(sqlite_database_url):
    run = [sys.executable, "-m", "trunkline_client.listen", "--url"]
    with (
        Served(sqlite_database_url) as served,
        Client(served.url, served.key) as hub,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        forward = ["--forward", f"http://127.0.0.1:{silent.getsockname()[1]}/hook"]
        for since in ("beginning", "now"):
            with Terminal([*run, served.url, *forward, "--since", since], served.key) as terminal:
                terminal.wait_for("Listening to")
                event = hub.emit_test_event({"type": "lead.created"})
                terminal.wait_for(f"  {event['id']}  lead.created")
                assert terminal.end() == 0
                cursor = terminal.wait_for(r"Go on with: --since (\S+)")
            with Terminal([*run, served.url, "--since", cursor], served.key) as rest:
                rest.wait_for(f"  {event['id']}  lead.created")
                assert rest.end() == 0


def test_a_refusal_is_one_sentence_and_an_absence_is_told(sqlite_database_url):
    with Served(sqlite_database_url) as served:
        command = [sys.executable, "-m", "trunkline_client.listen"]
        refused = programs.run(*command, "--url", served.url, "--key", "wrong")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "Traceback" not in refused.stderr
        assert "neither an API key" in refused.stderr
        for option, value, said in (
            ("--secret", "no", "--secret: a secret is 'whsec_"),
            ("--forward", "localhost:3000", "--forward: write a URL, such "),
            ("--key", f"{served.key} ", "key has a space, a line end, "),
            ("--company", "acmé", "X-Company-Id has a space, a l"),
            ("--url", "hub.example.com", "the hub's URL must be of the "),
            ("--url", "http://[hub", "the hub's URL must be of the "),
        ):
            wrong = programs.run(*command, "--key", served.key, option, value)
            assert (wrong.returncode, wrong.stderr[:29]) == (2, said)
        url, key = served.url, served.key
    with Terminal([sys.executable, "-m", "trunkline_client.listen", "--url", url], key) as away:
        away.wait_for("the hub cannot be reached: .*; trying again")
        assert away.end() == 0
        assert "Traceback" not in away.shown
