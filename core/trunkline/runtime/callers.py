"""For whom a task works: the company whose call it answers, and whether the caller still waits for the answer.

``api`` says so for each request, in the task's context, so that no service has to hand it on; the hub's own work is
nobody's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from contextvars import ContextVar
from typing import Any, TypeVar

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""ASGI's way to hear from a client."""
OPERATORS = 0
"""Operators in the portal, in the place of a company."""
_T = TypeVar("_T")
_company: ContextVar[int | None] = ContextVar("trunkline.company", default=None)
_receive: ContextVar[Receive | None] = ContextVar("trunkline.receive", default=None)
_scope: ContextVar[MutableMapping[str, Any] | None] = ContextVar("trunkline.scope", default=None)


class CallerLeft(Exception):
    """The caller has gone before the answer was there; nobody waits for one."""


def begin(receive: Receive | None, scope: MutableMapping[str, Any] | None = None) -> None:
    """Begin a call that comes by *receive*, of nobody yet; *scope* is its ASGI scope. End it with None."""
    _receive.set(receive)
    _scope.set(scope)
    _company.set(None)


def work_for(company_id: int | None) -> None:
    """Say for which company the task works from now on; None for nobody's."""
    _company.set(company_id)


def scope() -> MutableMapping[str, Any] | None:
    """Give the ASGI scope of the call that the task answers; None where it answers none."""
    return _scope.get()


def company() -> int | None:
    """Tell for which company the task works; None where it is nobody's."""
    return _company.get()


async def while_present(work: Coroutine[Any, Any, _T]) -> _T:
    """Do *work*, and end it where the caller goes away, once its request has come whole.

    Raises:
        CallerLeft: the caller has gone; the work was cancelled.
    """
    receive = _receive.get()
    if receive is None:
        return await work
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)
    raise CallerLeft


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
