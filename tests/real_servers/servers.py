"""Real servers that close idle connections after a second, each in its usual setup; most of them can be reloaded."""

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

APP = Path(__file__).with_name("app.py")
EXTRA = Path(__file__).parents[2] / ".cache" / "servers" / "bin" / "python"
"""The environment of `make long`, with servers that no other test needs."""

NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 2; user root;
events {{}}
http {{
    access_log off; keepalive_timeout 1s; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{backend}; }} }}
}}
"""
APACHE = """
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
ServerName 127.0.0.1
User www-data
Group www-data
Listen 127.0.0.1:{port}
KeepAlive On
KeepAliveTimeout 1
MaxKeepAliveRequests 50
ProxyPass / http://127.0.0.1:{backend}/ disablereuse=on
"""
LIGHTTPD = """
server.modules = ("mod_proxy")
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
server.max-keep-alive-idle = 1
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {backend})))
"""
HAPROXY = """
global
    stats socket {folder}/admin.sock level admin expose-fd listeners
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    timeout http-keep-alive 1s
listen front
    bind 127.0.0.1:{port}
    server backend 127.0.0.1:{backend}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """How to run a server. *command* may have ``{folder}``, ``{port}`` and ``{config}``, the path of a file with *config*.

    With *config* the server is a proxy, and its backend records the ids that come; without, the server records them. *reload* is
    the signal that makes a server read its configuration again.
    """

    command: Sequence[str]
    config: str | None = None
    reload: signal.Signals | None = None

    @property
    def is_here(self) -> bool:
        """Tell whether this machine has the server; for servers of `make long`, whether they are installed."""
        return shutil.which(self.command[0], path=f"{os.environ['PATH']}:/usr/sbin") is not None


def _python(*command: str, reload: signal.Signals | None = None) -> Server:
    return Server((sys.executable, *command), reload=reload)


def _extra(*command: str, reload: signal.Signals | None = None) -> Server:
    return Server((str(EXTRA), *command), reload=reload)


SERVERS: dict[str, Server] = {
    "nginx": Server(("nginx", "-p", "{folder}", "-c", "{config}"), NGINX, signal.SIGHUP),
    "apache2": Server(("apache2", "-DFOREGROUND", "-f", "{config}"), APACHE, signal.SIGUSR1),
    "lighttpd": Server(("lighttpd", "-D", "-f", "{config}"), LIGHTTPD, signal.SIGUSR1),
    "haproxy": Server(("haproxy", "-W", "-f", "{config}"), HAPROXY, signal.SIGUSR2),
    "nodejs": Server(("node", str(APP.with_suffix(".js")), "{port}")),
    "http.server": _python(str(APP), "http_server", "{port}"),
    "aiohttp": _python(str(APP), "aiohttp", "{port}"),
    "uvicorn": _python("-m", "uvicorn", "app:asgi", "--port", "{port}", "--timeout-keep-alive", "1", "--log-level", "error"),
    "hypercorn": _extra("-m", "hypercorn", "app:asgi", "--bind", "127.0.0.1:{port}", "--keep-alive", "1", "--log-level", "ERROR"),
    "gunicorn": _extra(
        "-m", "gunicorn", "app:wsgi", "--bind", "127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "2",
        "--threads", "16", "--keep-alive", "1", "--log-level", "error", reload=signal.SIGHUP,
    ),
    "waitress": _extra("-m", "waitress", "--port={port}", "--host=127.0.0.1", "--channel-timeout=1", "--cleanup-interval=1", "--threads=16", "app:wsgi"),
    "tornado": _extra(str(APP), "tornado", "{port}"),
}  # fmt: skip
