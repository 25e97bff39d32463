"""Creates and searches: one for each action and search, and the pairs that find or create."""

from collections.abc import Mapping, Sequence

from trunkline import Definition, Field, Json, Product
from trunkline_zapier.fields import input_fields, object_names, output_fields
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
    actions = {action.name: action for action in product.actions}
    pairs: dict[str, Json] = {}
    for search in product.searches:
        verb, _, thing = search.name.partition("_")
        create = actions.get(f"create_{thing}") if verb == "find" else None
        if create is not None:
            noun = noun_of(search.name)
            pairs[search.name] = {
                "key": search.name,
                "display": {
                    "label": shortened(f"Find or Create {noun}", LABEL_LENGTH),
                    "description": shortened(f"{search.description} {_otherwise(create)}", TEXT_LENGTH),
                },
                "search": search.name,
                "create": create.name,
            }
    return pairs


def _otherwise(create: Definition) -> str:
    return f"If nothing is found, {create.title} is done."


def _create(product: Product, action: Definition) -> bytes:
    inputs = product.inputs(action)
    objects = object_names(inputs)
    options = ({"objects": objects},) if objects else ()
    return _operation(
        action,
        perform=Call("action", (action.method, action.path, *options)),
        inputs=inputs,
        outputs=product.outputs(action),
        sample=action.examples[0].output,
    )


def _search(product: Product, search: Definition) -> bytes:
    """Raises ValueError where the answer has no list of records."""
    outputs = product.outputs(search)
    results = next((field for field in outputs if field.kind == "list" and field.item_kind == "object"), None)
    if results is None:
        msg = f"the search '{search.name}' answers with no list of objects; give its output one, such as 'results'"
        raise ValueError(msg)
    records = [record for example in search.examples for record in example.output.get(results.name, ())]
    return _operation(
        search,
        perform=Call("search", (search.path, results.name)),
        inputs=product.inputs(search),
        outputs=results.fields,
        sample=records[0] if records else {field.name: field.example for field in results.fields},
    )


def _operation(
    definition: Definition,
    *,
    perform: Call,
    inputs: Sequence[Field],
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
            "inputFields": input_fields(inputs, owner=definition.name),
            "sample": sample,
            "outputFields": output_fields(outputs),
        },
    }
    return module(exported, imports=[f"const {{ {perform.function} }} = require('../lib/operations');"])
