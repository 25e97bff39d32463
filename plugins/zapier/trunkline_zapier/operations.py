"""Creates and searches: one for each action and search, and the find-or-create pairs."""

from collections.abc import Iterator, Mapping, Sequence

from trunkline import Definition, Json
from trunkline.pages import Field, Product, with_article, wording_of
from trunkline_zapier.fields import completed, input_fields, object_names, output_fields, special_values
from trunkline_zapier.javascript import Call, module
from trunkline_zapier.naming import LABEL_LENGTH, TEXT_LENGTH, keyed, noun_of, shortened

_LIMIT: Mapping[str, Json] = {
    "key": "limit",
    "label": "Limit",
    "type": "integer",
    "default": "50",
    "helpText": "How many to give at most; no more than 1,000.",
}

_DONE: Mapping[str, Json] = {"success": True}
"""The sample of an answer without fields: Zapier takes no empty sample, and ``operations.js`` gives this instead of nothing."""


def creates(product: Product) -> Mapping[str, bytes]:
    """Write the module of each action's create, by its key. Raises ValueError."""
    keys = keyed((action.name for action in product.actions), kind="action")
    return {keys[action.name]: _create(product, action) for action in product.actions}


def searches(product: Product) -> Mapping[str, bytes]:
    """Write the module of each search, by its key. Raises ValueError."""
    keys = keyed((search.name for search in product.searches), kind="search")
    return {keys[search.name]: _search(product, search) for search in product.searches}


def search_or_creates(product: Product) -> dict[str, Json]:
    """Pair each search ``find_x`` with the action ``create_x``, if there is one."""
    pairs: dict[str, Json] = {}
    for search, create in _pairs(product):
        noun = wording_of(search).noun
        pairs[search.name] = {
            "key": search.name,
            "display": {
                "label": shortened(f"Find or Create {noun_of(search.name)}", LABEL_LENGTH),
                "description": f"Finds {with_article(noun)}, or creates one where there is none.",
            },
            "search": search.name,
            "create": create.name,
        }
    return pairs


def unequal_pairs(product: Product) -> Iterator[str]:
    """Yield a remark for each find-or-create pair whose search and action return different fields."""
    for search, create in _pairs(product):
        found = {field.name for field in _results(product, search)}
        made = {field.name for field in product.outputs(create)}
        missing = made - found if _record_of(product, create) or made >= found else made ^ found
        if missing:
            yield (
                f"On Zapier, '{search.title}' and '{create.title}' are one step, but only one of them gives "
                f"{', '.join(sorted(missing))}; give both the same output"
            )


def _pairs(product: Product) -> Iterator[tuple[Definition, Definition]]:
    actions = {action.name: action for action in product.actions}
    for search in product.searches:
        verb, _, thing = search.name.partition("_")
        if verb == "find" and (create := actions.get(f"create_{thing}")) is not None:
            yield search, create


def _record_of(product: Product, action: Definition) -> tuple[Definition, Field, str] | None:
    """Find the search for the record that *action* makes, its list of records, and the field of the answer to search by.

    None unless the search returns fields that the action's answer lacks.
    """
    made = [field.name for field in product.outputs(action)]
    for search, create in _pairs(product):
        inputs, records = product.inputs(search), product.records(search)
        if create is not action or records is None or any(field.is_parameter for field in inputs):
            continue
        keys = {field.name for field in inputs}
        key = next((name for name in made if name in keys), None)
        if key is not None and not {field.name for field in records.fields} <= set(made):
            return search, records, key
    return None


def _create(product: Product, action: Definition) -> bytes:
    outputs, sample = product.outputs(action), action.examples[0].output
    options = _options(product, action)
    if (record := _record_of(product, action)) is not None:
        search, records, key = record
        options["record"] = {"path": search.path, "results": records.name, "by": key}
        made = {field.name for field in outputs}
        outputs = (*outputs, *(field for field in records.fields if field.name not in made))
        sample = {**_sample(product, search), **sample}
    perform = Call("action", (action.method, action.path, *([options] if options else [])))
    return _operation(product, action, perform=perform, outputs=outputs, sample=sample)


def _search(product: Product, search: Definition) -> bytes:
    options, records = _options(product, search), product.records(search)
    form = input_fields(product.form(search), owner=search.name)
    listed = () if records is None else (records.name,)
    if search.is_paged:
        options["pageSize"] = search.input["properties"]["limit"]["maximum"]
        form.append(dict(_LIMIT))
    function = "get" if records is None else "list" if search.is_paged else "search"
    return _operation(
        product,
        search,
        perform=Call(function, (search.path, *listed, *([options] if options else []))),
        outputs=_results(product, search),
        sample=_sample(product, search),
        form=form,
    )


def _results(product: Product, search: Definition) -> Sequence[Field]:
    """Return the fields of each record that *search* finds; without a list of records, its answer is the record."""
    records = product.records(search)
    return product.outputs(search) if records is None else records.fields


def _sample(product: Product, search: Definition) -> Mapping[str, Json]:
    records = product.records(search)
    if records is None:
        return search.examples[0].output
    found = [record for example in search.examples for record in example.output.get(records.name, ())]
    return found[0] if found else {field.name: field.example for field in records.fields}


def _options(product: Product, definition: Definition) -> dict[str, Json]:
    """Return the options for the values that are converted before sending."""
    fields = product.form(definition)
    options = {
        "objects": object_names(fields),
        "titles": {field.name: field.title for field in fields if field.is_parameter},
        "values": special_values(fields),
        "yields": {field.name: field.yields_to for field in fields if field.yields_to},
    }
    return {name: value for name, value in options.items() if value}


def _operation(
    product: Product,
    definition: Definition,
    *,
    perform: Call,
    outputs: Sequence[Field],
    sample: Mapping[str, Json],
    form: Sequence[Json] | None = None,
) -> bytes:
    warning: list[Json] = []
    if definition.method == "DELETE":
        # https://docs.zapier.com/platform/publish/integration-build-guidelines: delete actions
        text = f"Each run does this at once, and Zapier cannot take it back. {definition.description}"
        warning.append({"key": "warning", "type": "copy", "helpText": shortened(text, TEXT_LENGTH)})
    exported = {
        "key": definition.name,
        "noun": noun_of(definition.name),
        "display": {
            "label": shortened(definition.title, LABEL_LENGTH),
            "description": shortened(definition.description, TEXT_LENGTH),
        },
        "operation": {
            "perform": perform,
            "inputFields": [
                *warning,
                *(input_fields(product.form(definition), owner=definition.name) if form is None else form),
                *_clearing(product, definition),
            ],
            "sample": completed(sample, outputs) or dict(_DONE),
            "outputFields": output_fields(outputs),
        },
    }
    return module(exported, imports=[f"const {{ {perform.function} }} = require('../lib/operations');"])


def _clearing(product: Product, definition: Definition) -> list[Json]:
    """Make an update's field in which users choose fields to clear: on Zapier, an empty field means no change."""
    if definition.method not in {"PATCH", "PUT"}:
        return []
    fields = [
        field
        for field in product.form(definition)
        if field.is_nullable and not field.is_parameter and field.kind != "object" and not field.yields_to
    ]
    choices = [{"value": field.name, "sample": field.name, "label": field.title} for field in fields]
    described = {"key": "clear_fields", "label": "Fields to Clear", "type": "string", "list": True}
    text = "Choose what shall be empty afterwards. A field that is left empty above stays as it is."
    return [described | {"helpText": text, "choices": choices}] if choices else []
