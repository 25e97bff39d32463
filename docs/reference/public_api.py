"""Reads from the code what a plugin author builds on: names, fields, signatures, hooks, as plain data.

``generate.py`` writes the reference from it, and ``tests/contract/hook_api.py`` the snapshot that tells what has changed.
"""

import ast
import inspect
import itertools
import textwrap
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from types import ModuleType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.contract import Routes, hookspecs
from trunkline.model.principals import COMPANY_SCOPES

_LOADED_LATE = {"Routes": Routes, "AsyncConnection": AsyncConnection}
"""Names in annotations that the contract imports only for type checkers."""

Described = dict[str, Any]


# ---- types as an author writes them ----------------------------------------------------------------------------------


def type_name(annotation: Any) -> str:
    """Write a type as an author would."""
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, typing.ForwardRef):
        return annotation.__forward_arg__
    if isinstance(annotation, list):  # the arguments of a Callable
        return f"[{', '.join(type_name(item) for item in annotation)}]"
    return _name_generic(annotation)


def _name_generic(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return type_name(arguments[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(quoted(argument) for argument in arguments)}]"
    if origin in {types.UnionType, typing.Union}:
        return " | ".join(type_name(item) for item in arguments)
    base = origin or annotation
    name = getattr(base, "__name__", None) or str(base)
    return f"{name}[{', '.join(type_name(item) for item in arguments)}]" if arguments else name


# ---- one name --------------------------------------------------------------------------------------------------------


def kind_of(value: object) -> str:
    """Tell what sort of thing a public name is."""
    if value is Any:
        return "type"
    if isinstance(value, type) and not get_args(value):
        return _kind_of_class(value)
    if inspect.isroutine(value):
        return "function"
    if value is hookspecs.hookimpl:
        return "decorator"
    return "constant" if isinstance(value, str | int | float | tuple | frozenset) else "type"


def _kind_of_class(cls: type) -> str:
    if issubclass(cls, BaseException):
        return "error"
    if issubclass(cls, Enum):
        return "enum"
    if issubclass(cls, BaseModel):
        return "model"
    if getattr(cls, "_is_protocol", False):
        return "protocol"
    return "value" if is_dataclass(cls) else "class"


def describe(value: Any) -> Described:
    """Describe a public name, whatever sort of thing it is."""
    kind = kind_of(value)
    match kind:
        case "function":
            return {"kind": kind, **signature_of(value)}
        case "decorator":
            return {"kind": kind}
        case "constant":
            return {"kind": kind, "type": type(value).__name__}
        case "type":
            return {"kind": kind, "type": type_name(value)}
        case "enum":
            return {"kind": kind, "members": {member.name: member.value for member in value}}
        case _:
            return {"kind": kind, **_describe_class(value, kind)}


def _describe_class(cls: type, kind: str) -> Described:
    described: Described = {}
    if kind == "class":  # how a class is put together is its own business; what one sets on a subclass is not
        described["attributes"] = dict(attributes(cls))
    else:
        described["bases"] = [base.__name__ for base in cls.__bases__ if base is not object]
    if kind == "value":
        described["fields"] = dict(value_fields(cls))
    elif kind == "model":
        described["fields"] = dict(model_fields(cls))
    elif kind in {"class", "error"}:
        initial: Any = vars(cls).get("__init__")  # one that is inherited is described there, or is not ours
        described["arguments"] = signature_of(initial, drop_first=True)["arguments"] if initial else {}
    if kind == "error":
        described["constants"] = {
            name: getattr(cls, name) for name in ("status", "title") if hasattr(cls, name)
        }
    else:
        described["methods"] = dict(methods(cls))
    return described


def value_fields(cls: type) -> Iterator[tuple[str, Described]]:
    """Give the fields of a dataclass that one may fill in or read."""
    hints = typing.get_type_hints(cls, localns=_LOADED_LATE, include_extras=True)
    for field in fields(cls):
        if not field.name.startswith("_"):
            described: Described = {"type": type_name(hints[field.name])}
            default = _default_of(field)
            if default is not None:
                described["default"] = default
            if field.kw_only:
                described["keyword_only"] = True
            yield field.name, described


def _default_of(field: Field[Any]) -> str | None:
    if field.default is not MISSING:
        return plain(field.default)
    if field.default_factory is not MISSING:
        return plain(field.default_factory())
    return None


def plain(value: object) -> str:
    """Write a default as code."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if value is COMPANY_SCOPES:
        return "COMPANY_SCOPES"
    if isinstance(value, frozenset | Mapping) and not value:
        return "{}"
    return getattr(value, "__name__", None) or quoted(value)


def quoted(value: object) -> str:
    """Write a value as code, its text in double quotes, as the formatter of the pages wants it."""
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')


def model_fields(cls: type[BaseModel]) -> Iterator[tuple[str, Described]]:
    """Give the fields of a pydantic model, with what the model says of each."""
    for name, field in cls.model_fields.items():
        described: Described = {"type": type_name(field.annotation)}
        if not field.is_required():
            default = field.get_default(call_default_factory=True, validated_data={})
            described["default"] = plain(None if default is PydanticUndefined else default)
        yield name, described


def attributes(cls: type) -> Iterator[tuple[str, Described]]:
    """Give the public attributes that a class, or one of ours that it is made of, declares."""
    for owner in reversed(cls.__mro__):
        for name, annotation in vars(owner).get("__annotations__", {}).items():
            if owner.__module__.startswith("trunkline") and not name.startswith("_"):
                yield name, {"type": type_name(annotation)}


def methods(cls: type) -> Iterator[tuple[str, Described]]:
    """Give the public methods and properties that a class defines itself."""
    for name, member in vars(cls).items():
        function = getattr(member, "__func__", member)
        if name.startswith("test_"):  # a check of a suite, whose name and level are what is public
            continue
        if name.startswith("_") and not (name == "__call__" and getattr(cls, "_is_protocol", False)):
            continue
        if isinstance(member, property) and member.fget is not None:
            yield (
                name,
                {
                    "property": type_name(
                        typing.get_type_hints(member.fget, localns=_LOADED_LATE).get("return")
                    )
                },
            )
        elif inspect.isfunction(function) and not inspect.ismethoddescriptor(cls.__dict__.get(name)):
            yield name, signature_of(function, drop_first=not isinstance(member, staticmethod))
        elif isinstance(member, classmethod | staticmethod):
            yield name, signature_of(function, drop_first=isinstance(member, classmethod))


def signature_of(function: Callable[..., Any], *, drop_first: bool = False) -> Described:
    """Describe a function's arguments and what it returns."""
    signature = inspect.signature(function, eval_str=True, locals=_LOADED_LATE)
    parameters = list(signature.parameters.values())[1 if drop_first else 0 :]
    described: Described = {
        "arguments": {parameter.name: _argument(parameter) for parameter in parameters},
        "returns": type_name(signature.return_annotation)
        if signature.return_annotation is not signature.empty
        else None,
    }
    if inspect.iscoroutinefunction(function):
        described["async"] = True
    return described


def _argument(parameter: inspect.Parameter) -> Described:
    described: Described = {
        "type": type_name(parameter.annotation) if parameter.annotation is not parameter.empty else None
    }
    if parameter.default is not parameter.empty:
        described["default"] = plain(parameter.default)
    if parameter.kind is parameter.KEYWORD_ONLY:
        described["keyword_only"] = True
    elif parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
        described["rest"] = True
    return described


# ---- all of them -----------------------------------------------------------------------------------------------------


def hooks() -> Iterator[tuple[str, Callable[..., object]]]:
    """Give every hook specification, in the order of the module."""
    for name, function in vars(hookspecs).items():
        if inspect.isfunction(function) and hasattr(function, f"{hookspecs.PROJECT}_spec"):
            yield name, function


def exported(module: ModuleType) -> dict[str, Any]:
    """Give what *module* offers, by its names in order."""
    return {name: getattr(module, name) for name in sorted(module.__all__)}


def given_types() -> frozenset[type]:
    """Find the types that a plugin makes: what hooks return, what its functions return, what it passes to a method.

    All the others are made by the hub, and may get new fields and methods without breaking anybody.
    """
    values: set[type] = set()
    seen: set[tuple[type, bool]] = set()
    hints = [
        typing.get_type_hints(function, localns=_LOADED_LATE, include_extras=True) for _, function in hooks()
    ]
    for hint in hints:
        _walk(hint.pop("return"), True, values, seen)
    for hint in hints:
        for annotation in hint.values():
            _walk(annotation, False, values, seen)
    return frozenset(values)


def _walk(annotation: Any, is_given: bool, values: set[type], seen: set[tuple[type, bool]]) -> None:  # noqa: FBT001
    arguments = get_args(annotation)
    if typing.get_origin(annotation) is not None and isinstance(next(iter(arguments), None), list):
        for part in arguments[
            0
        ]:  # a Callable: the plugin's own gets what the hub makes, and the other way round
            _walk(part, not is_given, values, seen)
        _walk(arguments[1], is_given, values, seen)
        return
    for part in arguments:
        _walk(part, is_given, values, seen)
    is_ours = isinstance(annotation, type) and annotation.__module__.startswith("trunkline")
    if is_ours and (annotation, is_given) not in seen:
        seen.add((annotation, is_given))
        _walk_class(annotation, is_given, values, seen)


def _walk_class(cls: type, is_given: bool, values: set[type], seen: set[tuple[type, bool]]) -> None:  # noqa: FBT001
    if not is_given and cls in values:  # another plugin's, shown to this one
        return
    if is_given and is_dataclass(cls):
        values.add(cls)
    if is_dataclass(cls):
        for name, annotation in typing.get_type_hints(cls, localns=_LOADED_LATE).items():
            if not name.startswith("_"):
                _walk(annotation, is_given, values, seen)
    for name, member in vars(cls).items():
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function) and (not name.startswith("_") or name == "__call__"):
            for argument, annotation in typing.get_type_hints(function, localns=_LOADED_LATE).items():
                _walk(annotation, (argument != "return") != is_given, values, seen)


# ---- what they mean --------------------------------------------------------------------------------------------------


def texts_under_fields(cls: type) -> dict[str, str]:
    """Read the string that stands under a field, as an attribute's docstring does."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    texts: dict[str, str] = {}
    for line, below in itertools.pairwise(tree.body):
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(below, ast.Expr)
        ):
            text = getattr(below.value, "value", None)
            if isinstance(text, str):
                texts[line.target.id] = " ".join(text.split())
    return texts
