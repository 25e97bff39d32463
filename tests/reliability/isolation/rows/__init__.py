"""The rows of the matrix, by the attacked part."""

from types import ModuleType

from row import Row

from rows import (
    agents,
    alerts,
    backlog,
    bodies,
    connections,
    consumers,
    groups,
    keys,
    matching,
    oauth,
    operations,
    ordering,
    platforms,
    portal,
    public,
    reading,
    replays,
    resolving,
    subscriptions,
    targets,
    tenants,
    writing,
)

MODULES: tuple[ModuleType, ...] = (
    resolving,
    matching,
    bodies,
    connections,
    targets,
    replays,
    backlog,
    ordering,
    subscriptions,
    groups,
    platforms,
    reading,
    consumers,
    writing,
    keys,
    tenants,
    operations,
    agents,
    oauth,
    portal,
    alerts,
    public,
)


def all_rows() -> list[Row]:
    """Give every row in the order of the modules."""
    return [found for module in MODULES for found in vars(module).values() if isinstance(found, Row)]
