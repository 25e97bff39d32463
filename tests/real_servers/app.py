"""A receiver that runs under each of Python's servers; it writes the id of each event into the file that ``SEEN`` names."""

import asyncio
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SEEN = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(event_id):
    os.write(SEEN, f"{event_id}\n".encode())


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    note(dict(scope["headers"])[b"webhook-id"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def wsgi(environ, start_response):
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    note(environ["HTTP_WEBHOOK_ID"])
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 1

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        note(self.headers["webhook-id"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        """Log nothing."""


def serve_http_server(port):
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def serve_aiohttp(port):
    from aiohttp import web

    async def take(request):
        await request.read()
        note(request.headers["webhook-id"])
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/", take)
    web.run_app(app, host="127.0.0.1", port=port, keepalive_timeout=1, print=None)


def serve_tornado(port):
    from tornado import httpserver, web

    class Take(web.RequestHandler):
        def post(self):
            note(self.request.headers["webhook-id"])
            self.write("ok")

    async def serve():
        app = web.Application([("/", Take)])
        httpserver.HTTPServer(app, idle_connection_timeout=1).listen(port, "127.0.0.1")
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    globals()[f"serve_{sys.argv[1]}"](int(sys.argv[2]))
