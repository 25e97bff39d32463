"""Completions for the arguments of prompts and resource addresses: names of event types and of tools. Pure."""

from collections.abc import Sequence

from mcp_types import CompleteRequestParams, CompleteResult, Completion, PromptReference

from trunkline_mcp.resources import EVENT_TYPES, TOOLS

MAX_VALUES = 100
"""The limit of values that the protocol sets."""


def complete(
    params: CompleteRequestParams, *, event_types: Sequence[str], tools: Sequence[str]
) -> CompleteResult:
    """List the names that begin with the typed text, then names that contain it. Empty for an argument that is free text."""
    place = params.ref.name if isinstance(params.ref, PromptReference) else params.ref.uri
    names = {
        ("watch_for_event", "type"): event_types,
        (f"{EVENT_TYPES}/{{name}}", "name"): event_types,
        (f"{TOOLS}/{{name}}", "name"): tools,
    }.get((place, params.argument.name), ())
    written = params.argument.value.lower()
    found = [name for name in names if written in name]
    found.sort(key=lambda name: not name.startswith(written))
    completion = Completion(values=found[:MAX_VALUES], total=len(found), has_more=len(found) > MAX_VALUES)
    return CompleteResult(completion=completion)
