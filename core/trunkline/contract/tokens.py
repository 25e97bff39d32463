"""Bearer tokens that are no API keys: what a plugin is asked about one."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BearerRequest:
    """A call with *token* as ``Authorization: Bearer``; *method* and *path* say which call it is."""

    token: str = field(repr=False)
    method: str
    path: str
