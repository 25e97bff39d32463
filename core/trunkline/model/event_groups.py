"""The names that subscriptions and readers use: event types, groups of them (``invoice.*``), or all (``*``).

A group contains every event type whose name begins with the group's prefix, including types defined later. The group
exists as soon as one such type exists. Operational event types are only in the group ``operational.*``, and not in
``*``.
"""

from collections.abc import Collection, Iterable, Sequence

EVERY_TYPE = "*"
OPERATIONAL_GROUP = "operational.*"
OPERATIONAL = frozenset(
    {
        "subscription.failing",
        "subscription.disabled",
        "subscription.recovered",
        "delivery.exhausted",
        "quarantine.received",
        "key.created",
        "key.rotated",
        "key.revoked",
        "key.expiring",
        "app.connected",
        "app.disconnected",
        "replay.ended",
        "limit.near",
        "target.certificate_expiring",
        "hub.cannot_store",
        "hub.behind",
    }
)
"""Types of the events that the hub emits about itself; their schemas are in ``schemas/operational``."""
RESERVED = "is reserved for the hub's operational event types; choose another name"
"""Why a product's event type may not have a name for which ``is_operational`` is true."""
_REST = ".*"


def is_operational(name: str) -> bool:
    """Return whether *name* is an operational event type, their group, or another name in the domain ``operational``."""
    return name in OPERATIONAL or name.startswith("operational.")


def is_group(name: str) -> bool:
    """Return whether *name* is a group's name; the group need not exist."""
    return name.endswith(_REST)


def groups_of(event_type: str) -> list[str]:
    """List the groups of *event_type*, the narrowest first: ``order.item.*`` and ``order.*`` for ``order.item.added``."""
    if event_type in OPERATIONAL:
        return [OPERATIONAL_GROUP]
    parts = event_type.split(".")[:-1]
    return [".".join(parts[:count]) + _REST for count in range(len(parts), 0, -1)]


def type_groups(event_types: Iterable[str]) -> list[str]:
    """List every group of *event_types*, by name."""
    return sorted({group for event_type in event_types for group in groups_of(event_type)})


def takes_type(names: Collection[str], event_type: str) -> bool:
    """Return whether *names*, which may be event types, groups or ``*``, include *event_type*."""
    takes_all = EVERY_TYPE in names and event_type not in OPERATIONAL
    return takes_all or event_type in names or any(group in names for group in groups_of(event_type))


def types_among(names: Collection[str], known: Sequence[str]) -> list[str]:
    """Choose the *known* event types that *names* include."""
    return [event_type for event_type in known if takes_type(names, event_type)]
