"""The scopes of a company's key, explained for people who make or revoke keys."""

from collections.abc import Sequence

from msgspec import Struct

from trunkline.routes import COMPANY_SCOPES, describe_scope
from trunkline_portal.access import Viewer


class Scope(Struct, frozen=True):
    """One scope: the calls that it allows, and the *loss* if a key with this scope is revoked."""

    name: str
    loss: str

    @property
    def allows(self) -> str:
        """A sentence about the allowed calls."""
        return describe_scope(self.name)


class Preset(Struct, frozen=True):
    """Scopes that are usually given together."""

    name: str
    title: str
    scopes: tuple[str, ...]


SCOPES: tuple[Scope, ...] = (
    Scope("events:read", "Whatever polls events with it stops reading."),
    Scope("events:write", "Whatever sends events with it is refused, and those events are not stored."),
    Scope(
        "webhooks:read", "Whatever shows or watches subscriptions and deliveries with it sees them no more."
    ),
    Scope(
        "webhooks:write",
        "Whatever manages subscriptions with it is refused. The subscriptions stay, and go on delivering.",
    ),
    Scope("integrations:read", "Searches and lists in automation platforms that use it fail."),
    Scope("integrations:write", "Actions in automation platforms that use it fail."),
    Scope("admin", "It can no longer administer API keys."),
)
PRESETS: tuple[Preset, ...] = (
    Preset(
        "platform",
        "Automation platform",
        ("events:read", "webhooks:write", "integrations:read", "integrations:write"),
    ),
    Preset("send", "Send events", ("events:write",)),
    Preset("poll", "Poll events", ("events:read",)),
    Preset("webhooks", "Manage webhooks", ("events:read", "webhooks:write")),
    Preset("all", "Everything", COMPANY_SCOPES),
)


def presets_for(viewer: Viewer) -> list[Preset]:
    """List the presets that *viewer* may give."""
    return [preset for preset in PRESETS if all(viewer.has(scope) for scope in preset.scopes)]


def scopes_of(preset_name: str) -> tuple[str, ...]:
    """Return the scopes of a preset; empty if there is no such preset."""
    return next((preset.scopes for preset in PRESETS if preset.name == preset_name), ())


def losses(scopes: Sequence[str]) -> list[str]:
    """List the losses if a key with *scopes* is revoked."""
    return [scope.loss for scope in SCOPES if scope.name in scopes]
