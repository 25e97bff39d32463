"""The pages of other plugins, in our frame. One that fails, hangs or gives what cannot be shown leaves a box with its name."""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import APIRouter
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from trunkline import FragmentInvalid, NotFound, PortalPage, PortalRequest, check_fragment
from trunkline_portal.access import AnybodyOfCompany, ScopeMissing
from trunkline_portal.portal import Portal
from trunkline_portal.routing import get

Value = TypeVar("Value")

SECONDS = 5.0
"""How long a page may take."""


class PluginPages:
    """Shows the pages of other plugins."""

    def __init__(self, portal: Portal, *, seconds: float) -> None:
        self._portal = portal
        self._seconds = seconds

    async def show(self, request: Request, viewer: AnybodyOfCompany, plugin: str, name: str) -> Response:
        """Show a page of a plugin, or which fault it has."""
        page = self._find(plugin, name)
        if page.scope is not None and not viewer.has(page.scope):
            raise ScopeMissing(page.scope)
        portal_request = PortalRequest(viewer.company_id, viewer.principal, dict(request.query_params))
        content, fault = None, None
        try:
            content = Markup(await content_of(page, portal_request, seconds=self._seconds))  # noqa: S704 - as the hook says
        except Exception as error:
            fault = _sentence(error, self._seconds)
            self._portal.context.log.exception("page '%s' of plugin '%s' %s", name, plugin, fault)
        return self._portal.render(
            request, viewer, "extra.html", page=page, plugin=plugin, content=content, fault=fault
        )

    def _find(self, plugin: str, name: str) -> PortalPage:
        for owner, page in self._portal.context.pages():
            if (owner, page.name) == (plugin, name):
                return page
        kind = "page"
        raise NotFound(kind, f"{plugin}/{name}")


def make_router(portal: Portal, *, seconds: float = SECONDS) -> APIRouter:
    """List the routes."""
    pages = PluginPages(portal, seconds=seconds)
    return portal.router(
        get("/x/{plugin}/{name}", pages.show),
    )


async def content_of(page: PortalPage, portal_request: PortalRequest, *, seconds: float) -> str:
    """Let *page* be written. It is not waited for any longer than *seconds*, whatever it does when it is cancelled."""
    task = asyncio.create_task(_written(page, portal_request))
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        raise TimeoutError
    html: object = task.result()
    if not isinstance(html, str):
        msg = f"is a value of type {type(html).__name__} instead of text"
        raise FragmentInvalid(msg)
    check_fragment(html)
    return html


async def _written(page: PortalPage, portal_request: PortalRequest) -> object:
    if inspect.iscoroutinefunction(page.render):
        return await page.render(portal_request)
    written = await _in_thread(page, portal_request)
    return await written if inspect.isawaitable(written) else written


async def _in_thread(page: PortalPage, portal_request: PortalRequest) -> str | Awaitable[str]:
    """Call a plain function beside the loop, in a thread that nobody has to wait for: not even the end of the process."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | Awaitable[str]] = loop.create_future()

    def settle(value: str | Awaitable[str]) -> None:
        if not answer.done():
            answer.set_result(value)

    def fail(error: Exception) -> None:
        if not answer.done():
            answer.set_exception(error)

    def call() -> None:
        try:
            value = page.render(portal_request)
        except Exception as error:  # noqa: BLE001 - handed over
            _hand_over(loop, fail, error)
        else:
            _hand_over(loop, settle, value)

    threading.Thread(target=call, name="portal-page", daemon=True).start()
    return await answer


def _hand_over(loop: asyncio.AbstractEventLoop, receive: Callable[[Value], None], value: Value) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(receive, value)


def _sentence(error: Exception, seconds: float) -> str:
    match error:
        case TimeoutError():
            return f"did not answer within {seconds:g} seconds"
        case FragmentInvalid():
            return f"cannot be shown: its HTML {error}"
        case _:
            return f"failed: {type(error).__name__}"
