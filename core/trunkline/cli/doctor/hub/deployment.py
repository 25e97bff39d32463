"""Judges the settings and the start of a hub, without the database."""

from collections.abc import Iterator

from trunkline.access.secrets_file import open_to_others
from trunkline.cli.doctor.hub.checks import HubCheck, error, ok, warning
from trunkline.errors import SettingsInvalid
from trunkline.plugins import Registry
from trunkline.settings import Settings


def judge_settings(settings: Settings) -> list[HubCheck]:
    """Judge the settings of inbound and outbound access."""
    return [
        _judge_public_url(settings),
        _judge_targets(settings),
        _judge_limits(settings),
        *_judge_secret_files(settings),
    ]


def judge_plugins(registry: Registry, *, enabled: tuple[str, ...] | None) -> HubCheck:
    """Name the plugins that failed; as in ``/readyz``, a failed plugin is an error if the settings name it."""
    failed = [record for record in registry.records if record.state == "failed"]
    if not failed:
        active = sum(record.state == "active" for record in registry.records)
        return ok("plugins", f"All {active} plugins run that are not disabled.")
    detail = "; ".join(f"'{record.name}' failed: {record.error}" for record in failed)
    fix = "see 'trunkline plugins show NAME', or name the plugin in plugins.disabled"
    judge = error if enabled is not None else warning
    return judge("plugins", detail, fix=fix)


def _judge_secret_files(settings: Settings) -> Iterator[HubCheck]:
    try:
        open_files = open_to_others(settings)
    except SettingsInvalid:  # of database.url, which the check of the database names
        return
    if open_files:
        detail = f"Every account of this machine may read the secrets in {', '.join(map(str, open_files))}."
        yield warning("secret-files", detail, fix=f"run 'chmod o= {' '.join(map(str, open_files))}'")


def _judge_public_url(settings: Settings) -> HubCheck:
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


def _judge_targets(settings: Settings) -> HubCheck:
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


def _judge_limits(settings: Settings) -> HubCheck:
    limits = settings.limits
    if not limits.enabled:
        detail = "limits.enabled is false: one key can use all of the hub."
        return warning("rate-limits", detail, fix="leave limits.enabled out")
    place = "in each process for itself" if limits.storage_url is None else "for all processes together"
    return ok("rate-limits", f"Calls are counted {place}.")
