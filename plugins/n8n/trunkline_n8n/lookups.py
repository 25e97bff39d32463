"""Lists to choose from: the lookup of each field, and the methods by which n8n fills the lists."""

from collections.abc import Iterable, Mapping

from trunkline import Definition
from trunkline.pages import Field, ItemList, Reference, alternatives
from trunkline_n8n.texts import pascal_case
from trunkline_n8n.typescript import Code, Value, constant

_PAGE_SIZE = 50


def is_prominent(definition: Definition, field: Field) -> bool:
    """Return whether a field is always shown; users add the other fields one by one from a collection.

    Required fields are always shown. Alternatives, of which the API needs only one, are shown if they can be left empty.
    """
    if field.is_required:
        return True
    can_be_empty = field.reference is not None or (field.kind == "text" and not field.choices)
    return can_be_empty and any(field.name in names for names in alternatives(definition))


def search_method(reference: Reference) -> str:
    """Return the name of the method that searches a list."""
    return f"search{_name(reference)}"


def load_method(reference: Reference) -> str:
    """Return the name of the method that fills a dropdown."""
    return f"get{_name(reference)}"


def list_of(reference: Reference) -> ItemList:
    """Return the description of the list of items in a lookup's answer."""
    assert reference.lookup.listed is not None  # references lead only to lookups with a list
    return reference.lookup.listed


def render_lookups(*, searched: Iterable[Reference], loaded: Iterable[Reference]) -> str:
    """Write the module with the methods for the lists that are *searched* and the lists that are *loaded*."""
    searches = {_name(reference): reference for reference in searched}
    loads = {_name(reference): reference for reference in loaded}
    used = [name for name, some in (("loadFrom", loads), ("searchIn", searches)) if some]
    lookups = dict(sorted((searches | loads).items()))
    imports = f"import {{ {', '.join([*used, 'type Lookup'])} }} from '../shared/lookups';\n"
    parts = [imports] if lookups else []
    parts += [
        constant(f"lookup{name}", _lookup(reference), kind="Lookup").removeprefix("export ")
        for name, reference in lookups.items()
    ]
    parts += [
        constant("listSearch", _methods("search", "searchIn", searches)),
        constant("loadOptions", _methods("get", "loadFrom", loads)),
    ]
    return "\n".join(parts)


def _methods(prefix: str, maker: str, references: Mapping[str, Reference]) -> Value:
    return {f"{prefix}{name}": Code(f"{maker}(lookup{name})") for name in sorted(references)}


def _lookup(reference: Reference) -> Value:
    lookup, listed = reference.lookup, list_of(reference)
    described: dict[str, Value] = {
        "path": lookup.path,
        "items": listed.items,
        "value": reference.value,
        "label": reference.label,
    }
    parameters = lookup.input.get("properties", {})
    return (
        described
        | ({"where": dict(reference.where)} if reference.where else {})
        | ({"searchable": True} if "q" in parameters else {})
        | ({"pageSize": parameters["limit"].get("maximum", _PAGE_SIZE)} if "limit" in parameters else {})
    )


def _name(reference: Reference) -> str:
    """Return a list's name, made of its lookup, value and filters: ``ClientStatusesByNameWhereIsLeadTrue``."""
    by = "" if reference.value == list_of(reference).value else f"By{pascal_case(reference.value)}"
    filters = reference.where.items()
    where = "".join(f"{pascal_case(name)}{pascal_case(str(value))}" for name, value in filters)
    return pascal_case(reference.lookup.name) + by + (f"Where{where}" if where else "")
