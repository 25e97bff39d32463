"""The context of a task: the caller, the company that it works for, whether the caller still waits, and the call's cost.

``api`` sets it for each request in the task's context, so that services need not pass it on; the hub's own work has no caller.
"""

import asyncio
import time
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar, cast

from trunkline.model.principals import Principal

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""ASGI's function to receive from a client."""
REQUEST_ID = "trunkline.request_id"
"""The key of a call's id, its ``X-Request-Id``, in its ASGI scope."""
OPERATORS = 0
"""The company of a task whose caller is an operator in the portal."""
_T = TypeVar("_T")


class CallerLeft(Exception):
    """The caller left before the answer was ready."""


class Call:
    """One call, received through *receive*; *scope* is its ASGI scope.

    *held_seconds* is the time for which it held the event loop or computed in threads. *traceparent* is the caller's trace context.
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
        """Run *work*, and add to the call the time for which *work* holds the loop. It costs 0.4 µs at each resumption."""
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
            except BaseException as error:  # noqa: BLE001 - passed on to *work*, like the task's cancellation
                raised = error


class _State(NamedTuple):
    call: Call | None = None
    company_id: int | None = None
    principal: Principal | None = None


_NOBODY = _State()
_state: ContextVar[_State] = ContextVar("trunkline.caller", default=_NOBODY)
"""One context variable for all values, as each variable that is set costs time in every call."""


def begin(
    receive: Receive | None, scope: MutableMapping[str, Any] | None = None, *, traceparent: str | None = None
) -> None:
    """Begin a call received through *receive*, with the ASGI *scope* and no principal yet; ``begin(None)`` ends the call."""
    _state.set(_NOBODY if receive is None else _State(Call(receive, scope, traceparent)))


def act_for(principal: Principal, company_id: int | None = None) -> None:
    """Set the caller. The task then works for the principal's company; if the principal is an operator's, for *company_id*."""
    _state.set(_State(_state.get().call, principal.company_id or company_id, principal))


def principal() -> Principal | None:
    """Return the caller; None for the hub's own work."""
    return _state.get().principal


def makers_columns() -> dict[str, str | None]:
    """Return the columns that record the maker of a new row: the caller, or null for the hub's own work."""
    caller = _state.get().principal
    if caller is None:
        return {"created_by": None, "created_by_kind": None}
    return {"created_by": caller.id, "created_by_kind": caller.kind}


def call() -> Call | None:
    """Return the call that the task answers; None if it answers none."""
    return _state.get().call


def traceparent() -> str | None:
    """Return the trace context of the caller; None if there is no call, or the call has none."""
    answered = _state.get().call
    return None if answered is None else answered.traceparent


def measured(work: Awaitable[_T]) -> Awaitable[_T]:
    """Wrap the coroutine *work* so that its cost is added to the task's call, if there is one."""
    answered = call()
    return work if answered is None else answered.measure(cast("Coroutine[Any, Any, _T]", work))


def work_for(company_id: int | None) -> None:
    """Set the company for which the task works; None means no company."""
    _state.set(_state.get()._replace(company_id=company_id))


def scope() -> MutableMapping[str, Any] | None:
    """Return the ASGI scope of the call that the task answers; None if it answers none."""
    answered = call()
    return None if answered is None else answered.scope


def request_id() -> str | None:
    """Return the id of the call that the task answers; None if it answers none."""
    answered = scope()
    return None if answered is None else answered.get(REQUEST_ID)


def address() -> str | None:
    """Return the address of the caller; None if the task answers no call."""
    answered = scope()
    find = None if answered is None else getattr(answered["app"].state, "address_of", None)
    found: str | None = find(answered) if find else None
    return found


def company() -> int | None:
    """Return the company for which the task works; None if it works for no company."""
    return _state.get().company_id


async def in_thread(work: Callable[..., _T], *arguments: Any, **named: Any) -> _T:
    """Run *work* in a thread as ``asyncio.to_thread`` does, and add its computing time to the cost of the call."""
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
    """Run *work*, and cancel it if the caller leaves after sending the whole request. Raises CallerLeft."""
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
