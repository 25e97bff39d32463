"""Turns generators of steps into methods of both clients: blocking in ``Client``, awaited in ``AsyncClient``.

``operation`` and ``pages`` make the methods for the calls of the API from signatures without a body
(``operations.py``).
"""

from __future__ import annotations

import functools
import inspect
import secrets
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from trunkline_client import steps
from trunkline_client.steps import Call, Item
from trunkline_client.wire import write_json

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

    from trunkline_client.client import AsyncClient, Client
    from trunkline_client.steps import Steps, Stream

P = ParamSpec("P")
T = TypeVar("T")
_HEADERS = {
    "idempotency_key": "Idempotency-Key",
    "if_match": "If-Match",
    "if_none_match": "If-None-Match",
}


class _Made:
    """A method of both clients. The client's method named in *way* carries out the steps that *make_steps* returns."""

    way = ""

    def __init__(self, make_steps: Callable[..., Any]) -> None:
        self._make_steps = make_steps
        self.__doc__ = make_steps.__doc__
        self.__wrapped__ = make_steps  # for `inspect.signature`

    def bound_to(self, client: Any) -> Any:
        if client is None:
            return self

        def bound(*args: Any, **kwargs: Any) -> Any:
            return getattr(client, self.way)(self._make_steps(client, *args, **kwargs))

        return functools.update_wrapper(bound, self._make_steps)


class method(_Made, Generic[P, T]):  # noqa: N801 - a decorator
    """A method that returns one value."""

    way = "run"

    def __init__(self, make_steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        super().__init__(make_steps)

    @overload
    def __get__(self, client: Client, owner: object = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: object = None) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, owner: object = None) -> Any:
        """Bind the method to *client*."""
        return self.bound_to(client)


class iterator(_Made, Generic[P, T]):  # noqa: N801 - a decorator
    """A method that yields values one by one."""

    way = "iterate"

    def __init__(self, make_steps: Callable[Concatenate[Any, P], Stream[T]]) -> None:
        super().__init__(make_steps)

    @overload
    def __get__(self, client: Client, owner: object = None) -> Callable[P, Generator[T]]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: object = None) -> Callable[P, AsyncGenerator[T]]: ...
    def __get__(self, client: Any, owner: object = None) -> Any:
        """Bind the method to *client*."""
        return self.bound_to(client)


def operation(verb: str, path: str) -> Callable[[Callable[Concatenate[Any, P], T]], method[P, T]]:
    """Make the method of one call from a signature: its parameters fill *path*, the body, headers and the query."""

    def make(described: Callable[Concatenate[Any, P], T]) -> method[P, T]:
        signature = inspect.signature(described)

        def make_steps(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
            values = signature.bind(client, *args, **kwargs).arguments
            takes_key = "idempotency_key" in signature.parameters
            answer = yield from steps.request(_call(verb, path, values, takes_key=takes_key))
            return answer.content  # type: ignore[no-any-return]

        functools.update_wrapper(make_steps, described)
        return method(make_steps)

    return make


def pages(path: str, member: str) -> Callable[[Callable[Concatenate[Any, P], T]], iterator[P, T]]:
    """Make a method that yields the items of a list page by page; the items are in *member* of each answer."""

    def make(described: Callable[Concatenate[Any, P], T]) -> iterator[P, T]:
        signature = inspect.signature(described)

        def make_steps(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
            values = signature.bind(client, *args, **kwargs).arguments
            cursor = None
            while True:
                call = _call("GET", path, values | {"cursor": cursor}, takes_key=False)
                page = (yield from steps.request(call)).content
                for item in page[member]:
                    yield Item(item)
                if not (cursor := page.get("next_cursor")):
                    return

        functools.update_wrapper(make_steps, described)
        return iterator(make_steps)

    return make


def _call(verb: str, path: str, arguments: dict[str, Any], *, takes_key: bool) -> Call:
    values = {name: value for name, value in arguments.items() if value is not None and name != "self"}
    headers = {header: values.pop(name) for name, header in _HEADERS.items() if name in values}
    if takes_key:
        headers.setdefault("Idempotency-Key", secrets.token_urlsafe(24))
    content = None
    if "body" in values:
        content, headers["Content-Type"] = write_json(values.pop("body")), "application/json"
    filled = steps.fill(path, values)
    query = {name.rstrip("_"): steps.text_of(value) for name, value in values.items()}
    return Call(verb, filled, query, content, headers, longer_seconds=float(query.get("wait", 0)))
