"""For whom a task works: who calls, the company whose call it answers, whether the caller still waits, and what the call costs.

``api`` says so for each request, in the task's context, so that no service has to hand it on; the hub's own work is
nobody's.
"""

import asyncio
import time
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar, cast

from trunkline.model.principals import Principal

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""ASGI's way to hear from a client."""
OPERATORS = 0
"""Operators in the portal, in the place of a company."""
_T = TypeVar("_T")


class CallerLeft(Exception):
    """The caller has gone before the answer was there; nobody waits for one."""


class Call:
    """One call, which comes by *receive*; *scope* is its ASGI scope.

    It has held the event loop, and computed in threads, for *held_seconds*. *traceparent* is the caller's trace context.
    """

    __slots__ = ("held_seconds", "receive", "scope", "traceparent")

    def __init__(
        self, receive: Receive, scope: MutableMapping[str, Any] | None, traceparent: str | None
    ) -> None:
        self.receive = receive
        self.scope = scope
        self.traceparent = traceparent
        self.held_seconds = 0.0

    @types.coroutine
    def measure(self, work: Coroutine[Any, Any, _T]) -> Generator[Any, None, _T]:
        """Do *work*, and add how long it holds the loop. To do so costs 0.4 µs each time that it goes on."""
        raised: BaseException | None = None
        while True:
            began = time.perf_counter()
            try:
                waits_for = work.send(None) if raised is None else work.throw(raised)
            except StopIteration as end:
                value: _T = end.value
                return value
            finally:
                self.held_seconds += time.perf_counter() - began
            raised = None
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is for *work*, as the cancellation of its task is
                raised = error


class _State(NamedTuple):
    call: Call | None = None
    company_id: int | None = None
    principal: Principal | None = None


_NOBODY = _State()
_state: ContextVar[_State] = ContextVar("trunkline.caller", default=_NOBODY)
"""One variable for all, as each that is set costs every call."""


def begin(
    receive: Receive | None,
    scope: MutableMapping[str, Any] | None = None,
    *,
    traceparent: str | None = None,
) -> None:
    """Begin a call that comes by *receive*, of nobody yet; *scope* is its ASGI scope. End it with None."""
    _state.set(_NOBODY if receive is None else _State(Call(receive, scope, traceparent)))


def act_for(principal: Principal, company_id: int | None = None) -> None:
    """Say who calls. The task works for the principal's company from now on, an operator's for *company_id*, if that is given."""
    _state.set(_State(_state.get().call, principal.company_id or company_id, principal))


def principal() -> Principal | None:
    """Tell who calls; None for the hub's own work."""
    return _state.get().principal


def makers_columns() -> dict[str, str | None]:
    """Give the columns that say who makes a row: the caller, or nobody where the hub does so itself."""
    caller = _state.get().principal
    if caller is None:
        return {"created_by": None, "created_by_kind": None}
    return {"created_by": caller.id, "created_by_kind": caller.kind}


def call() -> Call | None:
    """Give the call that the task answers; None where it answers none."""
    return _state.get().call


def traceparent() -> str | None:
    """Give the trace context of the caller; None where the task answers no call, or one without."""
    answered = _state.get().call
    return None if answered is None else answered.traceparent


def measured(work: Awaitable[_T]) -> Awaitable[_T]:
    """Have *work*, a coroutine, count what it costs the call that the task answers, if it answers one."""
    answered = call()
    return work if answered is None else answered.measure(cast("Coroutine[Any, Any, _T]", work))


def work_for(company_id: int | None) -> None:
    """Say for which company the task works from now on; None for nobody's."""
    _state.set(_state.get()._replace(company_id=company_id))


def scope() -> MutableMapping[str, Any] | None:
    """Give the ASGI scope of the call that the task answers; None where it answers none."""
    answered = call()
    return None if answered is None else answered.scope


def address() -> str | None:
    """Tell the address that the call which the task answers comes from; None where it answers none."""
    answered = scope()
    find = None if answered is None else getattr(answered["app"].state, "address_of", None)
    found: str | None = find(answered) if find else None
    return found


def company() -> int | None:
    """Tell for which company the task works; None where it is nobody's."""
    return _state.get().company_id


async def in_thread(work: Callable[..., _T], *arguments: Any, **named: Any) -> _T:
    """Do *work* in a thread as ``asyncio.to_thread`` does, and add what it computes to what the call costs."""
    answered = call()

    def do() -> _T:
        began = time.thread_time()
        try:
            return work(*arguments, **named)
        finally:
            if answered is not None:
                answered.held_seconds += time.thread_time() - began

    return await asyncio.to_thread(do)


async def while_present(work: Coroutine[Any, Any, _T]) -> _T:
    """Do *work*, and end it where the caller goes away, once its request has come whole.

    Raises:
        CallerLeft: the caller has gone; the work was cancelled.
    """
    answered = call()
    if answered is None:
        return await work
    doing, leaving = asyncio.ensure_future(_done(work, answered)), asyncio.ensure_future(_left(answered))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)
    raise CallerLeft


async def _done(work: Coroutine[Any, Any, _T], answered: Call) -> _T:
    return await answered.measure(work)


async def _left(answered: Call) -> None:
    while (await answered.receive())["type"] != "http.disconnect":
        pass
