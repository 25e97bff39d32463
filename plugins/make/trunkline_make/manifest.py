"""The app's table of contents: ``makecomapp.json`` and the groups of modules."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from trunkline import Definition, EventType, Json
from trunkline.pages import Product, happening, plural, singular, with_article, wording_of
from trunkline_make import calls, connecting, names, watching


class Module(Struct, frozen=True):
    """One module. *kind* is Make's ``moduleType``; *codes* are its code files, except ``communication``."""

    id: str
    kind: str
    label: str
    description: str
    group: str
    codes: tuple[str, ...]
    crud: str | None = None
    webhook: str | None = None


_FORM = ("static-params", "mappable-params", "interface", "samples")
_TRIGGER = ("static-params", "interface", "samples")
_WEBHOOK = ("communication", "params", "attach", "detach", "update")
_CODE_KEYS: Mapping[str, str] = {
    "static-params": "staticParams",
    "mappable-params": "mappableParams",
    "oauth-communication": "communication",
    "default-scope": "defaultScope",
}
_CRUD = {"GET": "read", "POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_KEEPING = frozenset({"archive", "restore", "unarchive"})
"""Verbs of actions that keep the record, even with the method DELETE."""
_EVENTS, _OTHER = "Events", "Other"


def modules_of(product: Product) -> list[Module]:
    """List the modules in the order in which Make shows them.

    Raises:
        ValueError: two modules would have the same id.
    """
    title = product.brand.title
    modules = [
        *map(_watch, product.event_types),
        Module(
            names.WATCH,
            "instant_trigger",
            "Watch Events",
            f"Triggers at once when something happens in {title}; of which kinds you choose.",
            _EVENTS,
            _TRIGGER,
            webhook=names.WEBHOOK,
        ),
        Module(
            names.POLL,
            "trigger",
            "Watch Events on a Schedule",
            f"Triggers for each event that {title} has had since the last run.",
            _EVENTS,
            ("epoch", *_TRIGGER),
        ),
        *(_module(definition, product) for definition in (*product.actions, *product.searches)),
        Module(
            names.UNIVERSAL,
            "universal",
            "Make an API Call",
            "Performs an arbitrary authorized API call.",
            _OTHER,
            _FORM,
        ),
    ]
    ids = [module.id for module in modules]
    if doubled := {module_id for module_id in ids if ids.count(module_id) > 1}:
        msg = f"more than one module would have the id {min(doubled)}; rename an action or a search"
        raise ValueError(msg)
    return modules


def module_label(definition: Definition, *, lists: bool) -> str:
    """Return a module's label as Make's guideline requires: ``Create a Lead``, ``Search Leads``, ``List Tasks``.

    *lists* is True if the answer is a list of records.

    https://developers.make.com/custom-apps-documentation/best-practices/modules/module-names
    """
    wording = wording_of(definition)
    if lists:
        verb = "list" if wording.verb == "list" else "search"
        thing = plural(singular(wording.noun))
    else:
        verb = "get" if definition.kind == "search" else wording.verb
        thing = with_article(wording.noun)
    words = [verb, *thing.split(" ")]
    return " ".join(word if word in {"a", "an"} else word[:1].upper() + word[1:] for word in words)


def record_groups(product: Product) -> list[str]:
    """List the groups of the actions and searches: kinds of records, each the first part of a call's path."""
    return sorted({_group(definition) for definition in (*product.actions, *product.searches)})


def groups(product: Product, modules: Sequence[Module]) -> list[Json]:
    """Make the groups that modules are shown in."""
    return [
        {"label": label, "modules": [module.id for module in modules if module.group == label]}
        for label in dict.fromkeys((_EVENTS, *record_groups(product), _OTHER))
    ]


def manifest(product: Product, modules: Sequence[Module]) -> dict[str, Json]:
    """Make ``makecomapp.json``; ``origins`` are added when the app is deployed."""
    return {
        "fileVersion": 1,
        "generalCodeFiles": {
            "base": "general/base.iml.json",
            "common": None,
            "readme": "README.md",
            "groups": "modules/groups.json",
        },
        "components": {
            "connection": _connections(product),
            "webhook": {
                webhook: {
                    "label": label,
                    **connecting.reference(product),
                    "webhookType": "web",
                    "codeFiles": _code_files("webhook", webhook, *_WEBHOOK),
                }
                for webhook, label in watching.webhooks_of(product).items()
            },
            "module": {module.id: _described(module, product) for module in modules},
            "rpc": {
                rpc_id: {
                    "label": f"List {reference.lookup.title}",
                    **connecting.reference(product),
                    "codeFiles": _code_files("rpc", rpc_id, "communication"),
                }
                for rpc_id, reference in calls.rpcs(product).items()
            },
            "function": {},
            "endpoint": {},
        },
        "origins": [],
    }


def _connections(product: Product) -> dict[str, Json]:
    """Describe the connections. The OAuth client's secret (Make's ``common``) is in no file of the app."""
    title = product.brand.title
    made: dict[str, Json] = {}
    if product.takes_keys:
        made[names.CONNECTION] = {
            "label": title,
            "connectionType": "basic",
            "codeFiles": _code_files("connection", names.CONNECTION, "communication", "params"),
        }
    if product.takes_oauth:
        codes = ("oauth-communication", "params", "default-scope")
        made[names.OAUTH_CONNECTION] = {
            "label": f"{title} (OAuth)" if made else title,
            "connectionType": "oauth",
            "codeFiles": _code_files("connection", names.OAUTH_CONNECTION, *codes) | {"common": None},
        }
    return made


def _watch(event_type: EventType) -> Module:
    watched = watching.watch_id(event_type)
    return Module(
        watched,
        "instant_trigger",
        watching.watch_label(event_type),
        f"Triggers when {happening(event_type)}.",
        _EVENTS,
        _TRIGGER,
        webhook=watched,
    )


def _module(definition: Definition, product: Product) -> Module:
    is_search = product.records(definition) is not None
    crud = "update" if wording_of(definition).verb in _KEEPING else _CRUD[definition.method]
    return Module(
        names.camel(definition.name),
        "search" if is_search else "action",
        module_label(definition, lists=is_search),
        definition.description,
        _group(definition),
        _FORM,
        crud=None if is_search else crud,
    )


def _group(definition: Definition) -> str:
    return definition.path.split("/")[1].strip("{}").replace("-", " ").replace("_", " ").title()


def _described(module: Module, product: Product) -> dict[str, Json]:
    """Describe one module. A module with a webhook has the webhook's connection."""
    description: dict[str, Json] = {
        "label": module.label,
        "description": module.description,
        "moduleType": module.kind,
        **(connecting.reference(product) if module.webhook is None else {"connection": None}),
    }
    if module.webhook is not None:
        description["webhook"] = module.webhook
    if module.crud is not None:
        description["actionCrud"] = module.crud
    return description | {"codeFiles": _code_files("module", module.id, "communication", *module.codes)}


def _code_files(kind: names.Kind, component_id: str, *codes: str) -> dict[str, Json]:
    return {_CODE_KEYS.get(code, code): names.code_path(kind, component_id, code) for code in codes}
