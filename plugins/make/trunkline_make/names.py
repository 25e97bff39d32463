"""Ids of the app's components, and the paths of their files. An id changes only with the schema's name.

The formats are Make's: https://github.com/integromat/vscode-apps-sdk, ``validate-id.ts`` and ``component-code-def.ts``.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Literal

from trunkline import Json

Kind = Literal["connection", "webhook", "module", "rpc"]

CONNECTION = "connection"
OAUTH_CONNECTION = "oauth"
WEBHOOK = "webhook"
WATCH = "watchEvents"
POLL = "pollEvents"
UNIVERSAL = "makeApiCall"

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ID = re.compile(r"[a-zA-Z][0-9a-zA-Z]{2,63}")
_LONGEST_ID = 64
_LONGEST_WEBHOOK_ID = 35


def camel(name: str) -> str:
    """Make ``create_lead`` and ``client-statuses`` into ``createLead`` and ``clientStatuses``.

    Raises:
        ValueError: the result is not a valid id in Make.
    """
    first, *rest = [part for part in re.split(r"[^0-9a-zA-Z]+", name) if part]
    component_id = first[:1].lower() + first[1:] + "".join(part[:1].upper() + part[1:] for part in rest)
    component_id = _shortened(component_id, _LONGEST_ID)
    if not _ID.fullmatch(component_id):
        msg = f"'{name}' makes no id for Make: it must begin with a letter and have 3 letters or digits or more; rename it"
        raise ValueError(msg)
    return component_id


def webhook_id(name: str) -> str:
    """Make an id that is also short enough for a webhook. Raises ValueError like ``camel``."""
    return _shortened(camel(name), _LONGEST_WEBHOOK_ID)


def kebab(component_id: str) -> str:
    """Make ``createLead`` into ``create-lead``, as Make's editor names files."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", component_id).lower()


def expression(source: str) -> str:
    """Write an expression of Make."""
    return "{{" + source + "}}"


def plain(content: Json) -> Json:
    """Escape a schema's texts so that Make reads no expression in them: a zero-width space splits ``{{``."""
    if isinstance(content, str):
        return content.replace("{{", "{\u200b{")
    if isinstance(content, Mapping):
        return {name: plain(member) for name, member in content.items()}
    return [plain(item) for item in content] if isinstance(content, list) else content


def path(root: str, name: str) -> str:
    """Return the expression for the member *name* of *root*. Raises ValueError."""
    if set(name) & set("`{}"):
        msg = f"Make takes no field '{name}': a back tick or a brace ends an expression; rename it"
        raise ValueError(msg)
    return f"{root}.{name}" if _IDENTIFIER.fullmatch(name) else f"{root}.`{name}`"


def code_path(kind: Kind, component_id: str, code: str) -> str:
    """Return the path of the file of a component's code."""
    name = kebab(component_id)
    return f"{kind}s/{name}/{name}.{code}.iml.json"


def _shortened(id: str, length: int) -> str:
    """Cut an id that is too long for Make; a digest of the whole keeps it unique."""
    if len(id) <= length:
        return id
    return id[: length - 8] + hashlib.sha256(id.encode()).hexdigest()[:8]
