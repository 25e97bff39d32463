"""JSON Schemas as Python types: a ``TypedDict`` for each object, and the types of its members."""

import itertools
import keyword
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_SIMPLE = {"string": "str", "integer": "int", "boolean": "bool", "null": "None"}
_CONTAINERS: Mapping[type, str] = {dict: "dict[str, Any]", list: "list[Any]"}
_COMPONENT = "#/components/schemas/"


class PythonTypes:
    """Collects the classes made from schemas, each under a unique name. *number* is the type of ``number``.

    *names* are the names in use; each new one is added.
    """

    def __init__(self, *, number: str, described: bool = True, names: set[str] | None = None) -> None:
        self._number = number
        self._described = described
        self._names = set[str]() if names is None else names
        self._sources: dict[str, str] = {}
        self._referring: dict[tuple[int, str], str] = {}

    def source(self) -> str:
        """Return the source of the classes, ordered so that each refers only to earlier classes or to itself."""
        return "\n\n".join(self._sources.values())

    def declare(self, name: str, schema: Mapping[str, Any], *, root: Mapping[str, Any] | None = None) -> str:
        """Declare a type for *schema*, whose ``#/…`` references are looked up in *root*; returns its name, as ``reserve`` does."""
        if schema.get("type") == "object" and schema.get("properties"):
            return self._object(name, schema, root or schema)
        name = self.reserve(name)
        text = self.type_of(schema, name=f"{name}Value", root=root or schema)
        self._sources[name] = f"{name}: TypeAlias = {text!r}\n"
        return name

    def reserve(self, name: str) -> str:
        """Reserve *name*, with a number at its end if it is in use, and return it."""
        name = self._unused(name)
        self._names.add(name)
        return name

    def type_of(  # noqa: PLR0911 - one for each form of a schema
        self, schema: Mapping[str, Any] | bool, *, name: str, root: Mapping[str, Any]
    ) -> str:
        """Write the type of *schema*. An object with properties becomes a class named *name*."""
        if isinstance(schema, bool) or not schema:
            return "Any"
        if "$ref" in schema:
            return self._referred(schema["$ref"], name, root)
        if "const" in schema or "enum" in schema:
            values = schema.get("enum", [schema.get("const")])
            return self._literals(values)
        parts: Sequence[Any] = schema.get("anyOf") or schema.get("oneOf") or ()
        if parts and not schema.get("properties"):
            return self._union(
                [
                    self.type_of(part, name=f"{name}{index or ''}", root=root)
                    for index, part in enumerate(parts)
                ]
            )
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._union([self.type_of({**schema, "type": one}, name=name, root=root) for one in kind])
        if kind == "array":
            items = "prefixItems" in schema or schema.get("items", True)
            return f"list[{self.type_of(items, name=f'{name}Item', root=root)}]"
        if kind == "object":
            if schema.get("properties"):
                return self._object(name, schema, root)
            more = "patternProperties" in schema or schema.get("additionalProperties", True)
            return f"dict[str, {self.type_of(more, name=f'{name}Value', root=root)}]"
        return self._number if kind == "number" else _SIMPLE.get(str(kind), "Any")

    def _object(self, name: str, schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
        name = self.reserve(name)
        self._sources[name] = ""
        required = schema.get("required", ())
        members = {
            key: self.type_of(member, name=name + pascal(key), root=root)
            for key, member in named_properties(schema).items()
        }
        typed = {key: text if key in required else f"NotRequired[{text}]" for key, text in members.items()}
        title = str(schema.get("description") or schema.get("title") or name).strip().split("\n")[0]
        del self._sources[name]
        if all(is_name(key) and not key.startswith("__") for key in typed):  # a class changes such names
            told = [f'    """{_sentence(title)}"""', ""] if self._described else []
            lines = [f"    {key}: {text}" for key, text in typed.items()]
            self._sources[name] = "\n".join([f"class {name}(TypedDict):", *told, *lines, ""])
        else:
            pairs = ", ".join(f"{key!r}: {text!r}" for key, text in typed.items())
            self._sources[name] = f"{name} = TypedDict({name!r}, {{{pairs}}})\n"
        return name

    def _referred(self, reference: str, name: str, root: Mapping[str, Any]) -> str:
        last = reference.rpartition("/")[2]
        if reference.startswith(_COMPONENT):
            return last
        found: Any = root
        for step in reference.removeprefix("#/").split("/"):
            found = found.get(step, {}) if isinstance(found, Mapping) else {}
        key = (id(root), reference)  # one class for all references to it
        own = self._referring.get(key, "")
        if own in self._sources:
            return own
        if own:  # not an object, but recursive
            return "Any"
        self._referring[key] = own = self._unused(name + pascal(last))
        text = self.type_of(found, name=own, root=root)
        if own not in self._sources:
            del self._referring[key]
        return text

    def _unused(self, name: str) -> str:
        numbered = (f"{name}{number}" for number in itertools.count(2))
        return next(one for one in itertools.chain([name], numbered) if one not in self._names)

    def _literals(self, values: Sequence[Any]) -> str:
        """Write the type of *values*: ``Literal`` takes no fractions, objects and lists."""
        literals = [repr(value) for value in values if not isinstance(value, float | dict | list)]
        others = [
            self._number if isinstance(value, float) else _CONTAINERS.get(type(value)) for value in values
        ]
        return self._union([f"Literal[{', '.join(literals)}]"] * bool(literals) + list(filter(None, others)))

    def _union(self, parts: Sequence[str]) -> str:
        return " | ".join(dict.fromkeys(parts))


def named_properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that *schema* names, also in its alternatives and conditions; one with two schemas is open."""
    parts = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, ())]
    parts += [schema[word] for word in ("then", "else") if word in schema]
    more: dict[str, Any] = {}
    for part in filter(None, parts):
        for key, member in named_properties({} if part is True else part).items():
            more[key] = member if more.get(key, member) == member else True
    own: dict[str, Any] = schema.get("properties", {})
    return own | {key: member for key, member in more.items() if key not in own}


def is_name(text: str) -> bool:
    """Return True if Python reads *text* as a name, and as the same one: it composes letters such as ``ﬁ``."""
    return text.isidentifier() and not keyword.iskeyword(text) and unicodedata.normalize("NFKC", text) == text


def pascal(text: str) -> str:
    """Convert *text* to a class name: ``client.created`` and ``client_created`` become ``ClientCreated``."""
    letters = unicodedata.normalize("NFKC", text).replace("_", " ")
    words = "".join(letter if f"_{letter}".isidentifier() else " " for letter in letters).split()
    return "".join(word[0].upper() + word[1:] for word in words)


def _sentence(text: str) -> str:
    first = text.replace("\\", "").replace('"', "'").split(". ")[0].rstrip(".")
    return (first if len(first) <= 90 else first[:89].rsplit(" ", 1)[0] + " …") + "."
