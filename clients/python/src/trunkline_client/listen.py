"""``trunkline-listen``: shows the events of a company as they come, and forwards them to a program on this machine.

It polls, so nothing on this machine is reachable from outside. It signs forwarded events like webhooks, with a secret that is
always derived from the key.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hmac
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx2

from trunkline_client import steps
from trunkline_client.client import Client
from trunkline_client.errors import Refused, Unanswered
from trunkline_client.steps import Answer, Call
from trunkline_client.version import __version__
from trunkline_client.webhooks import sign
from trunkline_client.wire import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

_WAIT_SECONDS = 30
_FORWARD_SECONDS = 10
_KEPT = 9
"""The number of newest events that can be sent again."""
_REFUSED = 2
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}")
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # they control a terminal or a line


@dataclass(frozen=True)
class Options:
    """The options of the command. *since* is a time, a cursor, ``beginning`` or ``now``."""

    url: str
    key: str
    forward: str | None = None
    secret: str | None = None
    events: str | None = None
    filter: str | None = None
    since: str = "now"
    company: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="trunkline-listen",
        description="Show the events of your company as they come, and forward them to a program on this machine.",
        epilog="Example: trunkline-listen --url https://hub.example.com --forward http://localhost:3000/hook",
    )
    more = {"url": " [TRUNKLINE_URL; http://127.0.0.1:8000]", "key": " [TRUNKLINE_KEY]", "since": " [now]"}
    for name, (shown, told) in OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=shown, help=told + more.get(name, ""))
    parser.add_argument("--version", action="version", version=__version__)
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    given.setdefault("url", os.environ.get("TRUNKLINE_URL", "http://127.0.0.1:8000"))
    given.setdefault("key", os.environ.get("TRUNKLINE_KEY", ""))
    if not given["key"]:
        parser.error("give an API key with the scope events:read by --key or in TRUNKLINE_KEY")
    return listen(Options(**given))


OPTIONS: Mapping[str, tuple[str, str]] = {
    "url": ("URL", "the hub"),
    "key": (
        "KEY",
        "an API key with the scope events:read; the variable keeps it out of lists of processes",
    ),
    "forward": ("URL", "post each event to this URL, as a webhook would"),
    "secret": ("WHSEC", "sign with this secret; if unset, one is derived from the key and shown"),
    "events": ("TYPES", "only these types, separated by commas: client.created,payment.*"),
    "filter": ("JSON", 'only events that meet this filter: {"payload.amount": {"gte": 100}}'),
    "since": (
        "WHEN",
        "begin at a time (2026-01-28T10:30:00Z), after a cursor, at the beginning, or now",
    ),
    "company": ("ID", "the company, if the key is an operator's"),
}


def listen(options: Options) -> int:
    """Listen until Ctrl-C or SIGTERM; print the cursor to continue from, and return the exit code."""
    try:
        sign(b"", id="0", secret=options.secret or _secret_of(options.key))
    except ValueError as error:
        print(f"--secret: {error}", file=sys.stderr)
        return _REFUSED
    if options.forward and not options.forward.startswith(("http://", "https://")):
        print(
            f"--forward: write a URL, such as http://localhost:3000/hook, not '{options.forward}'",
            file=sys.stderr,
        )
        return _REFUSED
    try:
        client = Client(options.url, options.key, company=options.company)
    except ValueError as error:
        print(error, file=sys.stderr)
        return _REFUSED
    with client as hub, httpx2.Client() as http:
        listening = _Listening(options, hub, http)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # it prints the cursor too
        try:
            with _keys(listening.press):
                listening.run()
        except KeyboardInterrupt:
            return 0
        except Refused as refused:
            print(refused, file=sys.stderr)
            return _REFUSED
        finally:
            if listening.cursor:
                print(f"\nGo on with: --since {listening.cursor}")
    return 0


@dataclass
class _Shown:
    """An event that was shown, its bytes, and the number of times that it was sent."""

    event: Mapping[str, Any]
    body: bytes
    attempts: int = 0


class _Listening:
    def __init__(self, options: Options, hub: Client, http: httpx2.Client) -> None:
        self._options = options
        self._hub = hub
        self._http = http
        self._secret = options.secret or _secret_of(options.key)
        self._newest: deque[_Shown] = deque(maxlen=_KEPT)
        self._out = threading.Lock()
        self.cursor: str | None = None

    def run(self) -> None:
        """Show new events without end. Raises Refused."""
        me = self._ask(Call("GET", "/api/v1/me"))
        start = self._start(me)
        of = self._options.company or me.content["company_id"]
        self._say(f"Listening to {self._options.url} (company {of}). Ctrl-C ends.")
        if self._options.forward:
            shown = "your secret" if self._options.secret else self._secret
            self._say(f"Forwarding to {self._options.forward}, signed with {shown}")
            if sys.stdin.isatty():
                self._say("Press r to send the last event again, 2 to 9 for those before it.")
        wanted = {"types": self._options.events, "filter": self._options.filter}
        query = {"limit": "50", **{key: text for key, text in wanted.items() if text}}
        wait_seconds = 0  # the first answer gives a cursor at once
        while True:
            place = {"cursor": self.cursor} if self.cursor else start
            asked = query | place | {"wait": str(wait_seconds)}
            page = self._ask(Call("GET", "/api/v1/events", asked, longer_seconds=wait_seconds))
            wait_seconds = _WAIT_SECONDS
            for event, body in zip(page.content["events"], _bodies(page.body), strict=True):
                self.cursor = _cursor_after(event["id"] - 1)  # until the event is handled
                self._show(event)
                self._newest.appendleft(_Shown(event, body))
                self._forward(self._newest[0])
                self.cursor = _cursor_after(event["id"])
            self.cursor = page.content["next_cursor"]

    def press(self, key: str) -> None:
        """Send an event again: ``r`` or ``1`` sends the last event, ``2`` the event before the last, and so on."""
        nth = 1 if key == "r" else int(key) if key.isdecimal() and key != "0" else 0
        if 0 < nth <= len(self._newest) and self._options.forward:
            shown = self._newest[nth - 1]
            self._say(f"{shown.event['id']}  {shown.event['type']}  again")
            self._forward(shown)

    def _start(self, me: Answer) -> dict[str, str]:
        since = self._options.since
        if since == "beginning":
            return {}
        if since == "now":  # by the hub's clock, as this machine's may differ
            return {"since": parsedate_to_datetime(me.headers["date"]).strftime("%Y-%m-%dT%H:%M:%SZ")}
        return {"since" if _TIME.match(since) else "cursor": since}

    def _ask(self, call: Call) -> Answer:
        """Repeat *call* until the hub answers; if the hub does not answer, report that once."""
        failed = 0
        while True:
            try:
                return self._hub.run(steps.request(call, tries=1))
            except Unanswered as error:  # noqa: PERF203 - each pass waits for the network
                if failed == 0:
                    self._say(f"{error}; trying again")
                time.sleep(error.retry_after_seconds or min(2**failed, _WAIT_SECONDS))
                failed += 1

    def _show(self, event: Mapping[str, Any]) -> None:
        payload = write_json(event["payload"]).decode()
        line = f"{event['createdUtc'][11:19]}  {event['id']}  {event['type']}  {payload}"
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns
            line = line if len(line) <= width else line[: width - 1] + "…"
        self._say(line)

    def _forward(self, shown: _Shown) -> None:
        """Send an event as the hub would send it, and show the answer."""
        if self._options.forward is None:
            return
        event, body = shown.event, shown.body
        shown.attempts += 1
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"trunkline-listen/{__version__}",
            **sign(body, id=str(event["id"]), secret=self._secret),
            "trunkline-event-type": event["type"],
            "trunkline-attempt": str(shown.attempts),
            "trunkline-cursor": _cursor_after(event["id"]),
        }
        began = time.monotonic()
        try:
            answer = self._http.post(
                self._options.forward, content=body, headers=headers, timeout=_FORWARD_SECONDS
            )
            told = f"{answer.status_code} {answer.reason_phrase}".rstrip()
            if not answer.is_success and answer.text:
                told += f": {answer.text[:200].rstrip()}"
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            told = f"no answer: {error or type(error).__name__}"
        self._say(f"          → {told} in {(time.monotonic() - began) * 1000:.0f} ms")

    def _say(self, line: str) -> None:
        with self._out:
            print(_STEERING.sub("\ufffd", line), flush=True)


def _secret_of(key: str) -> str:
    return "whsec_" + base64.b64encode(hmac.digest(key.encode(), b"trunkline-listen", "sha256")).decode()


def _cursor_after(id: int) -> str:
    """Return the cursor after the event *id*."""
    return base64.urlsafe_b64encode(f"e1:{id}".encode()).rstrip(b"=").decode()


def _bodies(page: bytes) -> Iterator[bytes]:
    """Yield the envelopes of a page as bytes, which are equal to the pushed bytes."""
    text, decoder = page.decode(), json.JSONDecoder()
    at = text.index("[") + 1
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        yield text[at:end].encode()
        at = end + (text[end] == ",")


@contextlib.contextmanager
def _keys(press: Callable[[str], None]) -> Generator[None, None, None]:
    """Pass each key pressed in the terminal to *press* while the block runs."""
    try:
        import termios  # noqa: PLC0415 - not on every system
        import tty  # noqa: PLC0415
    except ImportError:
        yield
        return
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)

    def read() -> None:
        while key := sys.stdin.read(1):
            press(key)

    threading.Thread(target=read, daemon=True).start()
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


if __name__ == "__main__":
    sys.exit(main())
