"""A poller of a named consumer, which a test kills: ``python stream_poller.py URL KEY JOURNAL``.

Before the poller commits a page, it writes ``try`` and the page's ids to JOURNAL; after the hub's answer, ``done`` or ``lost``.
"""

import http.client
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

CONSUMER = "/api/v1/consumers/shared"


def main(url: str, key: str, journal: str) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    headers = {"X-Api-Key": key, "Content-Type": "application/json"}

    def call(method: str, path: str, body: object = None) -> tuple[int, bytes]:
        connection.request(method, CONSUMER + path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    with Path(journal).open("a", buffering=1) as lines:
        while True:
            try:
                status, said = call("GET", "/events?limit=5&lease_seconds=1&wait=1")
                if status != 200:
                    time.sleep(0.05)
                    continue
                page = json.loads(said)
                if not page["events"]:
                    continue
                ids = " ".join(str(event["id"]) for event in page["events"])
                lines.write(f"try {ids}\n")
                status, _ = call("POST", "/commit", {"cursor": page["cursor"], "lease": page["lease"]})
                if status in {204, 409}:
                    lines.write(f"{'done' if status == 204 else 'lost'} {ids}\n")
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
