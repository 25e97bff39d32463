"""Creates and searches: one for each action and search, and the pairs that find or create."""

from collections.abc import Iterator, Mapping, Sequence

from trunkline import Definition, Field, Json, Product, with_article, wording_of
from trunkline_zapier.fields import input_fields, object_names, output_fields, special_values
from trunkline_zapier.javascript import Call, module
from trunkline_zapier.naming import LABEL_LENGTH, TEXT_LENGTH, keyed, noun_of, shortened


def creates(product: Product) -> Mapping[str, bytes]:
    """Write the module of each action's create, by its key. Raises ValueError."""
    keys = keyed((action.name for action in product.actions), kind="action")
    return {keys[action.name]: _create(product, action) for action in product.actions}


def searches(product: Product) -> Mapping[str, bytes]:
    """Write the module of each search, by its key. Raises ValueError."""
    keys = keyed((search.name for search in product.searches), kind="search")
    return {keys[search.name]: _search(product, search) for search in product.searches}


def search_or_creates(product: Product) -> dict[str, Json]:
    """Pair each search ``find_x`` with the action ``create_x``, where there is one."""
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
    """Say which pairs of a search and an action give different fields."""
    for search, create in _pairs(product):
        found = {field.name for field in _results(product, search).fields}
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


def _record_of(product: Product, action: Definition) -> tuple[Definition, str] | None:
    """Find the search that has what *action* does not say of the record that it made, and the key to ask for it by."""
    made = [field.name for field in product.outputs(action)]
    for search, create in _pairs(product):
        keys = {field.name for field in product.inputs(search)}
        found = {field.name for field in _results(product, search).fields}
        key = next((name for name in made if name in keys), None)
        if create is action and key is not None and not found <= set(made):
            return search, key
    return None


def _create(product: Product, action: Definition) -> bytes:
    outputs, sample = product.outputs(action), action.examples[0].output
    options = _options(product, action)
    if (record := _record_of(product, action)) is not None:
        search, key = record
        results = _results(product, search)
        options["record"] = {"path": search.path, "results": results.name, "by": key}
        made = {field.name for field in outputs}
        outputs = (*outputs, *(field for field in results.fields if field.name not in made))
        sample = {**_sample(search, results), **sample}
    perform = Call("action", (action.method, action.path, *([options] if options else [])))
    return _operation(product, action, perform=perform, outputs=outputs, sample=sample)


def _search(product: Product, search: Definition) -> bytes:
    """Raises ValueError where the answer has no list of records."""
    results, options = _results(product, search), _options(product, search)
    perform = Call("search", (search.path, results.name, *([options] if options else [])))
    return _operation(
        product, search, perform=perform, outputs=results.fields, sample=_sample(search, results)
    )


def _results(product: Product, search: Definition) -> Field:
    """Find the list of records in the answer of *search*. Raises ValueError."""
    outputs = product.outputs(search)
    results = next((field for field in outputs if field.kind == "list" and field.item_kind == "object"), None)
    if results is None:
        msg = f"the search '{search.name}' answers with no list of objects; give its output one, such as 'results'"
        raise ValueError(msg)
    return results


def _sample(search: Definition, results: Field) -> Mapping[str, Json]:
    records = [record for example in search.examples for record in example.output.get(results.name, ())]
    return records[0] if records else {field.name: field.example for field in results.fields}


def _options(product: Product, definition: Definition) -> dict[str, Json]:
    """Say what is not sent as it is filled in."""
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
) -> bytes:
    exported = {
        "key": definition.name,
        "noun": noun_of(definition.name),
        "display": {
            "label": shortened(definition.title, LABEL_LENGTH),
            "description": shortened(definition.description, TEXT_LENGTH),
        },
        "operation": {
            "perform": perform,
            "inputFields": input_fields(product.form(definition), owner=definition.name),
            "sample": sample,
            "outputFields": output_fields(outputs),
        },
    }
    return module(exported, imports=[f"const {{ {perform.function} }} = require('../lib/operations');"])
