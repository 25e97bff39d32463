"""The examination of a hub: its settings, start, database, running process, and targets."""

import asyncio
import http.client
import json
import platform
import socket
import time
from collections.abc import Iterator

from trunkline import oldest
from trunkline.access.secrets_file import open_to_others
from trunkline.cli import desk, opening
from trunkline.cli.doctor.checks import Check, error, ok, warning
from trunkline.cli.doctor.hub.database import examine_database
from trunkline.errors import SettingsInvalid, TrunklineError
from trunkline.plugins import Registry
from trunkline.settings import Server, Settings
from trunkline.store import migrate

_SECONDS = 5
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound, but asked


async def examine_hub(settings: Settings, *, with_targets: bool) -> list[Check]:
    """Make every check, whatever the results of the others; changes and creates nothing."""
    checks, histories = _examine_start(settings)
    checks += [_judge_public_url(settings), _judge_targets(settings), _judge_limits(settings)]
    checks += _judge_secret_files(settings)
    of_database = await examine_database(settings, histories)
    checks += of_database
    checks.append(await asyncio.to_thread(_ask, settings.server))
    can_read_targets = any(check.name == "schema" for check in of_database)
    if with_targets and can_read_targets:
        from trunkline.cli.doctor.hub import targets  # noqa: PLC0415 - what connects takes a while to load

        checks.append(await targets.examine_targets(settings, now=time.time()))
    return checks


def _examine_start(settings: Settings) -> tuple[list[Check], list[migrate.History]]:
    """Build the hub without starting it; returns the checks, and the migration histories of the hub's plugins.

    The routes are made, too, if a plugin may find a fault of the settings meanwhile; this loads the web framework.
    """
    try:
        may_find_fault = (
            settings.plugin_sections or settings.otel.enabled or not desk.has_only_own_plugins(settings)
        )
        hub = opening.inspected(settings, with_routes=bool(may_find_fault))
    except TrunklineError as fault:
        fix = "correct what the sentence names; 'trunkline serve' does not start with it"
        return [error("start", str(fault), fix=fix)], []
    python = f"Python {platform.python_version()} ({oldest.version(oldest.PYTHON)} or newer is needed)"
    start = ok("start", f"Settings, schemas and plugins load on {python}.")
    plugins = _judge_plugins(hub.registry, enabled=settings.plugins.enabled)
    return [start, plugins], hub.histories()


def _judge_plugins(registry: Registry, *, enabled: tuple[str, ...] | None) -> Check:
    """Name the plugins that failed; as in ``/readyz``, a failed plugin is an error if the settings name it."""
    failed = [record for record in registry.records if record.state == "failed"]
    if not failed:
        active = sum(record.state == "active" for record in registry.records)
        return ok("plugins", f"All {active} plugins run that are not disabled.")
    detail = "; ".join(f"'{record.name}' failed: {record.error}" for record in failed)
    fix = "see 'trunkline plugins show NAME', or name the plugin in plugins.disabled"
    judge = error if enabled is not None else warning
    return judge("plugins", detail, fix=fix)


def _judge_secret_files(settings: Settings) -> Iterator[Check]:
    try:
        open_files = open_to_others(settings)
    except SettingsInvalid:  # of database.url, which the check of the database names
        return
    if open_files:
        detail = f"Every account of this machine may read the secrets in {', '.join(map(str, open_files))}."
        yield warning("secret-files", detail, fix=f"run 'chmod o= {' '.join(map(str, open_files))}'")


def _judge_public_url(settings: Settings) -> Check:
    url = settings.server.public_url
    if url is None:
        here = f"{settings.server.host}:{settings.server.port}"
        return warning(
            "public-url",
            f"server.public_url is unset: connectors name {here}, and links, documents and the issuer of tokens name the host of the request.",
            fix="set server.public_url to the address that clients use",
        )
    if url.startswith("http://"):
        detail = f"server.public_url is '{url}': API keys travel in the clear."
        return warning("public-url", detail, fix="put a proxy with TLS in front, and set an https:// address")
    return ok("public-url", f"Clients reach the hub at {url}.")


def _judge_targets(settings: Settings) -> Check:
    delivery, url = settings.delivery, settings.server.public_url
    loose = [
        f"delivery.{name}" for name in ("allow_http", "allow_private_networks") if getattr(delivery, name)
    ]
    if not loose:
        return ok("target-policy", "Targets are https and outside private networks.")
    if url is None or not url.startswith("https://"):
        return ok("target-policy", f"Looser for development: {' and '.join(loose)}.")
    risk = (
        "companies can have the hub call services of your own network"
        if delivery.allow_private_networks
        else "events may travel in the clear"
    )
    return warning(
        "target-policy",
        f"{' and '.join(loose)} {'are' if len(loose) > 1 else 'is'} on for a hub at {url}: {risk}.",
        fix=f"leave {' and '.join(loose)} out; 'trunkline serve' takes it only with --insecure-targets",
    )


def _judge_limits(settings: Settings) -> Check:
    limits = settings.limits
    if not limits.enabled:
        detail = "limits.enabled is false: one key can use all of the hub."
        return warning("rate-limits", detail, fix="leave limits.enabled out")
    place = "in each process for itself" if limits.storage_url is None else "for all processes together"
    return ok("rate-limits", f"Calls are counted {place}.")


def _ask(server: Server) -> Check:
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
