"""A product that trunkline calls: it takes orders and finds them again. Run it with `python shop.py PORT`."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SIGNATURES = Webhook(os.environ["SHOP_SECRET"])
ORDERS = []
ANSWERS = {}  # by owner and idempotency key: the same call gets the same answer


def create_order(owner, request):
    if request["quantity"] > 100:
        fault = {"path": "/quantity", "message": "is more than the 100 in stock"}
        return 422, {"detail": "There are not so many in stock; order at most 100.", "errors": [fault]}
    order = {"order_id": len(ORDERS) + 1, **request}
    ORDERS.append((owner, order))
    return 201, {"output": order, "events": [{"type": "order.created", "payload": order}]}


def find_order(owner, terms):
    matches = [order for whose, order in ORDERS if whose == owner and terms.items() <= order.items()]
    return 200, {"output": {"results": matches[:1], "count": len(matches[:1])}}


CALLS = {"/actions/create_order": create_order, "/searches/find_order": find_order}


class Shop(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            call = SIGNATURES.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):  # the latter if it cannot even be read
            self.answer(401, {"detail": "The signature is not trunkline's."})
            return
        owner = (call["principal"]["company_id"], call["principal"]["environment"])
        key = (owner, call["idempotency_key"])
        if key not in ANSWERS:
            ANSWERS[key] = CALLS[self.path](owner, call["input"])
        self.answer(*ANSWERS[key])

    def answer(self, status, content):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Shop)
    print(f"shop listens on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
