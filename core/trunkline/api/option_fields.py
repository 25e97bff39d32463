"""Adds fields for the declared options of subscriptions to models of requests and answers."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, create_model

from trunkline.subscribing.options import Member

Model = TypeVar("Model", bound=BaseModel)

_OF_THE_SOURCE = {"__firstlineno__"}
"""The attribute from which ``inspect`` finds the source of a class, from Python 3.13 on."""


def with_fields(
    members: Mapping[str, Member], *, after: str | None = None
) -> Callable[[type[Model]], type[Model]]:
    """Decorate a model: add a field for each of *members* after the field *after*, or at the end if *after* is None."""

    def extend(model: type[Model]) -> type[Model]:
        own: dict[str, Any] = {name: (field.annotation, field) for name, field in model.model_fields.items()}
        names = list(own)
        count = len(names) if after is None else names.index(after) + 1
        fields: dict[str, Any] = {
            **{name: own[name] for name in names[:count]},
            **members,
            **{name: own[name] for name in names[count:]},
        }
        extended = create_model(
            model.__name__,
            __base__=model.__base__,
            __module__=model.__module__,
            __doc__=model.__doc__,
            **fields,
        )
        for name in _OF_THE_SOURCE & vars(model).keys():
            setattr(extended, name, vars(model)[name])
        return cast("type[Model]", extended)

    return extend
