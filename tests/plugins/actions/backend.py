"""A product in a separate process that answers as its input tells it: ``python backend.py`` prints its address.

A call's input may have ``status``, ``answer`` (the body, as text), ``delay_seconds``, ``header`` (a value of Retry-After) and
``missing`` (how many bytes of the announced body never come).
``POST /calls`` gives the calls received so far.
"""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALLS = []


class Backend(BaseHTTPRequestHandler):
    """Records each call."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self.path == "/calls":
            self.answer(200, json.dumps(CALLS))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        CALLS.append({"path": self.path, "headers": headers, "body": body})
        arguments = json.loads(body)["input"]
        time.sleep(arguments.get("delay_seconds", 0))
        self.answer(
            arguments.get("status", 200),
            arguments.get("answer", '{"output": {}}'),
            arguments.get("header"),
            arguments.get("missing", 0),
        )

    def answer(self, status, text, retry_after=None, missing=0):
        self.send_response(status)
        self.send_header("content-length", str(len(text.encode()) + missing))
        if retry_after:
            self.send_header("retry-after", retry_after)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Stay silent."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    print(f"listens on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
