"""A first definition of an action or a search: complete and valid, to be edited. The verb in its name determines the HTTP call."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import structs

from trunkline.errors import Refused
from trunkline.schemas.catalog import Json
from trunkline.schemas.definitions import FOLDERS, Kind
from trunkline.schemas.wording import plural, singular, with_article
from trunkline_kit.beginning.fields import NewField, example_of, object_of, title_of

_NAME = re.compile(r"[a-z][a-z0-9]*_[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_CREATES = frozenset({"add", "book", "create", "make", "open", "place", "register", "submit"})
_UPDATES = frozenset({"change", "edit", "update"})
_DELETES = frozenset({"delete", "remove"})
_A_NAME = NewField("name", "text")
_PAGE: Mapping[str, Json] = {
    "limit": {
        "title": "Limit",
        "description": "How many a page has at most.",
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
    },
    "cursor": {"title": "Cursor", "description": "The next_cursor of the page before.", "type": "string"},
}
_NEXT_CURSOR: Json = {
    "title": "Next Cursor",
    "description": "Where the next page begins; null on the last one.",
    "type": ["string", "null"],
}
_COUNT: Json = {"title": "Count", "description": "How many were found.", "type": "integer"}


def check_definition(kind: Kind, name: str) -> str:
    """Check the name of a new action or search. Raises Refused."""
    if not _NAME.fullmatch(name):
        such = "ship_order" if kind == "action" else "find_order"
        msg = f"'{name[:60]}' cannot be the name of {with_article(kind)}: write a verb and what it is about in lower case, with '_' between the words, such as {such}."
        raise Refused(msg)
    return name


def place_of(kind: Kind, name: str) -> Path:
    """Return the path of the definition below the folder of schemas."""
    return Path(FOLDERS[kind]) / f"{name}.json"


def definition_of(
    kind: Kind, name: str, fields: Sequence[NewField] = (), *, emits: Sequence[str] = ()
) -> str:
    """Write the definition of an action or a search. A UUID ``{noun}_id`` is added if *fields* lacks the record's id."""
    verb, _, thing = name.partition("_")
    noun = singular(thing)
    id_name = f"{noun}_id"
    kind_of_id = next((field.kind for field in fields if field.name == id_name), "uuid")
    own = NewField(id_name, kind_of_id)
    others = [field for field in fields if field.name != id_name]
    call = _action(verb, noun, own, others) if kind == "action" else _search(verb, noun, own, others)
    phrase = noun.replace("_", " ")
    definition = {
        "name": name,
        "title": title_of(name),
        "description": f"{plural(verb).capitalize()} {plural(phrase) if verb == 'list' else with_article(phrase)}.",
        "method": call.pop("method"),
        "path": call.pop("path"),
        **({"emits": list(emits)} if emits else {}),
        **call,
    }
    return json.dumps(definition, indent=2, ensure_ascii=False) + "\n"


def _action(verb: str, noun: str, own: NewField, others: Sequence[NewField]) -> dict[str, Json]:
    place = _place(noun)
    of_record = f"{place}/{{{own.name}}}"
    taken = others or [_A_NAME]
    if verb in _CREATES:
        call = _call("POST", place, input=taken, output=_object([own, *taken]))
        return {"success_status": 201, **call}
    if verb in _UPDATES:
        taken = [structs.replace(field, is_required=False) for field in taken]
        return _call("PATCH", of_record, parameters=[own], input=taken, output=_object([own, *taken]))
    if verb in _DELETES:
        return _call("DELETE", of_record, parameters=[own], output=_object([own]))
    output = _object([own, *others])
    return _call("POST", f"{of_record}/{verb}", parameters=[own], input=others, output=output)


def _search(verb: str, noun: str, own: NewField, others: Sequence[NewField]) -> dict[str, Json]:
    place, record = _place(noun), _object([own, *others])
    if verb == "get":
        return {"single": True, **_call("GET", f"{place}/{{{own.name}}}", parameters=[own], output=record)}
    if verb == "list":
        output = _list("items", noun, record, next_cursor=(_NEXT_CURSOR, None))
        call = _call("GET", place, output=output)
        call["input"]["properties"] = _PAGE
        return call
    output = _list("results", noun, record, count=(_COUNT, 1))
    return _call("GET", f"{place}/search", input=others or [own], output=output)


def _place(noun: str) -> str:
    """Return the path of the collection."""
    return f"/{plural(noun).replace('_', '-')}"


_Described = tuple[Json, Json]
"""A schema, and an example of it."""


def _object(fields: Sequence[NewField]) -> _Described:
    return object_of(fields), example_of(fields)


def _list(name: str, noun: str, record: _Described, **more: _Described) -> _Described:
    """Describe an answer that has a list of records, called *name*, and the other members in *more*."""
    schema, example = record
    records = {
        "title": title_of(name),
        "description": f"The {plural(noun.replace('_', ' '))} that were found.",
        "type": "array",
        "items": schema,
    }
    members = {name: (records, [example]), **more}
    return (
        {
            "type": "object",
            "properties": {key: described for key, (described, _) in members.items()},
            "required": list(members),
        },
        {key: shown for key, (_, shown) in members.items()},
    )


def _call(
    method: str,
    path: str,
    *,
    parameters: Sequence[NewField] = (),
    input: Sequence[NewField] = (),
    output: _Described,
) -> dict[str, Json]:
    in_path = {"parameters": {**object_of(parameters), "additionalProperties": False}} if parameters else {}
    example = {"parameters": example_of(parameters)} if parameters else {}
    schema, answer = output
    return {
        "method": method,
        "path": path,
        **in_path,
        "input": {**object_of(input), "additionalProperties": False},
        "output": schema,
        "examples": [{**example, "input": example_of(input), "output": answer}],
    }
