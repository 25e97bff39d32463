"""The names of operational events, by which the hub reports about itself."""

from trunkline.routes import takes_type

OPERATIONAL = "operational.*"
"""The group of all operational event types; ``*`` does not include them."""


def is_operational(name: str) -> bool:
    """Return True if *name* is an operational event type, or the group of all of them."""
    return takes_type([OPERATIONAL], name)
