"""The pages of other plugins, in the portal's frame. A page that fails, hangs or gives invalid content becomes a box with its name."""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trunkline import NotFound
from trunkline.pages import (
    FragmentInvalid,
    PortalContent,
    PortalPage,
    PortalRedirect,
    PortalRequest,
    check_fragment,
)
from trunkline_portal.access import AnybodyOfCompany, ScopeMissing, Viewer
from trunkline_portal.forms import Submitted
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

SECONDS = 5.0
"""Time limit of a page."""
_OWN_FIELDS = frozenset({"csrf", "company"})


class PluginPages(Pages):
    """Shows the pages of other plugins, and passes the fields of their forms to them."""

    async def show(self, request: Request, viewer: AnybodyOfCompany, plugin: str, name: str) -> Response:
        """Show a page of a plugin, or an error message if the page failed."""
        page = self._find(viewer, plugin, name)
        portal_request = _asked(request, viewer)
        content, fault = None, None
        try:
            content = await content_of(page, portal_request, seconds=SECONDS)
        except Exception as error:
            match error:
                case TimeoutError():
                    fault = f"did not answer within {SECONDS:g} seconds"
                case FragmentInvalid():
                    fault = f"cannot be shown: its HTML {error}"
                case _:
                    fault = f"failed: {type(error).__name__}"
            self._context.log.exception("page '%s' of plugin '%s' %s", name, plugin, fault)
        return self._framed(viewer, plugin, page, content=content, fault=fault)

    async def submit(
        self, request: Request, viewer: AnybodyOfCompany, plugin: str, name: str, fields: Submitted
    ) -> Response:
        """Pass a form to the page that it belongs to."""
        page = self._find(viewer, plugin, name)
        if page.submit is None:
            raise HTTPException(404)
        values = {name: sent for name, sent in fields.by_name().items() if name not in _OWN_FIELDS}
        answer = await within(SECONDS, page.submit, _asked(request, viewer), values)
        if isinstance(answer, PortalRedirect):
            path = answer.url or str(request.url.path)
            return self._portal.redirect(viewer, path, flash=answer.message)
        return self._framed(viewer, plugin, page, content=_checked(answer), fault=None)

    def _find(self, viewer: Viewer, plugin: str, name: str) -> PortalPage:
        for owner, page in self._context.pages():
            if (owner, page.name) == (plugin, name):
                if page.scope is not None and not viewer.has(page.scope):
                    raise ScopeMissing(page.scope)
                return page
        raise NotFound("page", f"{plugin}/{name}")

    def _framed(
        self,
        viewer: Viewer,
        plugin: str,
        page: PortalPage,
        *,
        content: PortalContent | None,
        fault: str | None,
    ) -> Response:
        """Put a page's *content*, or *fault* as an error message, into the portal's frame."""
        html = None if content is None else Markup(content.html)  # noqa: S704 - as the hook says
        response = self._portal.render(
            viewer, "extra.html", page=page, plugin=plugin, content=html, fault=fault
        )
        self._portal.protect(
            response, framed=page.framed, form_targets=content.form_targets if content else ()
        )
        return response


ROUTES = Table(
    PluginPages,
    get("/x/{plugin}/{name}", PluginPages.show),
    post("/x/{plugin}/{name}", PluginPages.submit, bucket="admin"),
)


async def content_of(page: PortalPage, portal_request: PortalRequest, *, seconds: float) -> PortalContent:
    """Call *page* for its content, and wait at most *seconds*, even if the call ignores its cancellation."""
    return _checked(await within(seconds, page.render, portal_request))


async def within(seconds: float, function: Callable[..., Any], *arguments: object) -> object:
    """Call a plugin's function, and wait for it at most *seconds*. Raises TimeoutError."""
    task = asyncio.create_task(_called(function, *arguments))
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.cancel()
        raise TimeoutError
    return task.result()


def _asked(request: Request, viewer: Viewer) -> PortalRequest:
    fields = {"csrf": viewer.session.csrf, "company": viewer.segment}
    form = "".join(f'<input type="hidden" name="{name}" value="{escape(v)}">' for name, v in fields.items())
    return PortalRequest(viewer.company_id, viewer.principal, dict(request.query_params), form)


def _checked(written: object) -> PortalContent:
    """Check the content of a page. Raises FragmentInvalid."""
    content = PortalContent(written) if isinstance(written, str) else written
    if not isinstance(content, PortalContent):
        msg = f"is a value of type {type(written).__name__} instead of text"
        raise FragmentInvalid(msg)
    check_fragment(content.html)
    return content


async def _called(function: Callable[..., Any], *arguments: object) -> object:
    """Call a plain function in a daemon thread, for which even the end of the process does not wait."""
    if inspect.iscoroutinefunction(function):
        return await function(*arguments)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[object] = loop.create_future()

    def settle(value: object, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(value)
        else:
            answer.set_exception(error)

    def call() -> None:
        value, failure = None, None
        try:
            value = function(*arguments)
        except Exception as error:  # noqa: BLE001 - handed over
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=call, name="portal-page", daemon=True).start()
    written = await answer
    return await written if inspect.isawaitable(written) else written
