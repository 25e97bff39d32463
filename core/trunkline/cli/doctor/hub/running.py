"""Checks whether a hub running on this machine is ready."""

import http.client
import json
import socket

from trunkline.cli.doctor.hub.checks import HubCheck, error, ok
from trunkline.settings import Server

_SECONDS = 5
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound, but asked


def ask(server: Server) -> HubCheck:
    """Ask ``/readyz`` at *server*'s own address, not through the proxy in front."""
    place = str(server.socket or f"{server.host}:{server.port}")
    if server.socket is None and (why := _why_not_listening(server.host)) is not None:
        detail = f"No hub can listen at server.host, '{server.host}': {why}."
        return error("hub", detail, fix="set server.host to an address or a name of this machine")
    if server.port == 0 and server.socket is None:
        return ok("hub", "No hub was asked: with server.port 0 it may be at any port.")
    connection = http.client.HTTPConnection(
        _EVERYWHERE.get(server.host, server.host), server.port, timeout=_SECONDS
    )
    try:
        if server.socket is not None:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(_SECONDS)
            connection.sock.connect(str(server.socket))
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        parts = json.loads(answer.read(65_536))
        faults = [f"{name} {state}" for name, state in parts.items() if state not in {"ok", "off"}]
    except (ConnectionRefusedError, FileNotFoundError):
        return ok("hub", f"No hub runs at {place}.")
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as fault:
        detail = f"What listens at {place} does not answer /readyz as a hub does: {type(fault).__name__}."
        return error("hub", detail, fix="see the hub's log, or correct server.port")
    finally:
        connection.close()
    if answer.status == http.client.OK:
        return ok("hub", f"The hub at {place} is ready.")
    detail = f"The hub at {place} is not ready: {'; '.join(faults) or answer.status}."
    return error("hub", detail, fix="see the hub's log")


def _why_not_listening(host: str) -> str | None:
    """Return why no process can listen at *host*; None if one can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.bind(address)
    except OSError as fault:
        return fault.strerror or str(fault)
    except UnicodeError:
        return "it is no name of a host"
    return None
