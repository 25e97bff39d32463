"""The names of a product's tools. Pure, and without the SDK."""

from collections import Counter
from collections.abc import Mapping, Sequence

from trunkline import Definition

EVENT_TOOLS = frozenset({"get_recent_events", "explain_event"})

Key = tuple[str, str]
"""A definition's kind and name."""


def name_tools(definitions: Sequence[Definition]) -> Mapping[Key, str]:
    """Choose the name of the tool that carries out each definition.

    The tool of the lookup ``client-statuses`` is ``list_client_statuses``. If there is a search ``list_clients``, its tool is
    also the tool of the lookup ``clients``. Other definitions that share a name, or have the name of a tool for events, get
    their kind as a prefix.
    """
    wanted = {(one.kind, one.name): _wanted(one) for one in definitions}
    searches = {name for (kind, _), name in wanted.items() if kind == "search"}
    shared = {key for key, name in wanted.items() if key[0] == "lookup" and name in searches}
    counts = Counter(name for key, name in wanted.items() if key not in shared)
    return {
        key: f"{key[0]}_{name}" if counts[name] > 1 or name in EVENT_TOOLS else name
        for key, name in wanted.items()
    }


def _wanted(definition: Definition) -> str:
    if definition.kind != "lookup":
        return definition.name
    plain = definition.name.replace("-", "_")
    return plain if plain.startswith("list_") else f"list_{plain}"
