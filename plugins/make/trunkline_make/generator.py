"""Makes the Make app from a product: a custom app in Make's format for local development.

``app`` holds the files that are equal for every product, in the folder layout of the generated app; ``key`` and
``oauth`` hold the connections. ``parameters`` and ``calls`` make the rest from the schemas, ``manifest`` lists all of
it, ``names`` gives the ids.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from trunkline import Definition, Json
from trunkline.pages import Product, json_remarks
from trunkline_make import calls, connecting, manifest, names, parameters, polling, watching

_OF_SCHEMAS = (
    *(f".{code}.iml.json" for code in ("static-params", "mappable-params", "params", "interface", "samples")),
    "makecomapp.json",
    "groups.json",
)
"""Suffixes of the files made from schemas, which have no expressions."""


def remarks(product: Product) -> list[str]:
    """List remarks about the parts of *product* that Make cannot represent."""
    return [*json_remarks(product, platform="Make"), *polling.remarks(product), *connecting.remarks(product)]


def generate(product: Product) -> Mapping[str, bytes]:
    """Make every file of the app.

    Raises:
        ValueError: Make does not allow an id or a value; the message names it.
    """
    modules = manifest.modules_of(product)
    words = {
        **connecting.words(product),
        "API_URL": product.api_url,
        "VERSIONS": product.versions_header[1],
        "TITLE": names.plain(product.brand.title),
        "DESCRIPTION": names.plain(product.brand.description),
        "KEYS_URL": product.brand.keys_url or product.brand.homepage,
        "GROUPS": names.plain(", ".join(manifest.record_groups(product))),
    }
    contents: dict[str, Json] = {
        "makecomapp.json": manifest.manifest(product, modules),
        "modules/groups.json": manifest.groups(product, modules),
        **dict(watching.files_of(product)),
    }
    for definition in (*product.actions, *product.searches):
        contents |= _module_files(product, definition)
    for rpc_id, reference in calls.rpcs(product).items():
        contents[names.code_path("rpc", rpc_id, "communication")] = calls.rpc(reference)
    written: dict[str, bytes] = {}
    for folder in connecting.folders(product):
        written |= _constant_files(folder, words)
    contents |= connecting.of_issuer(written, product)
    for path, content in contents.items():
        plain = names.plain(content) if path.endswith(_OF_SCHEMAS) else content
        written[path] = f"{json.dumps(plain, ensure_ascii=False, indent=4)}\n".encode()
    return written


def _module_files(product: Product, definition: Definition) -> dict[str, Json]:
    form = parameters.form(calls.filled_in(product, definition), calls.rpc_id)
    example = definition.examples[0].output if definition.examples else {}
    records = product.records(definition)
    if records is None:
        call, fields, sample = calls.action(product, definition), product.outputs(definition), example
    else:
        call, fields = calls.search(product, definition, records), records.fields
        sample = next(iter(example.get(records.name, ())), {})
        # Make's own limit is sent for a search that has a limit, too
        form = [*(entry for entry in form if entry["name"] != "limit"), parameters.limit(10)]
    contents: Mapping[str, Json] = {
        "communication": call,
        "static-params": [],
        "mappable-params": form,
        "interface": [parameters.output(field) for field in fields],
        "samples": sample,
    }
    module_id = names.camel(definition.name)
    return {names.code_path("module", module_id, code): content for code, content in contents.items()}


def _constant_files(folder: str, words: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Read the files of *folder*, with each ``%WORD%`` replaced by a word of the product."""
    for path, file in _walk(files("trunkline_make") / folder):
        text = file.read_text(encoding="utf-8")
        for word, value in words.items():
            written = json.dumps(value, ensure_ascii=False)[1:-1] if path.endswith(".json") else value
            text = text.replace(f"%{word}%", written)
        yield path, text.encode()


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry
