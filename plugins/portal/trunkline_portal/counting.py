"""Rate limits for pages. A form counts against the same limit of the same key as the API call with the same effect.

Pages have their own bucket, which a script can fill but a person does not. All people of a company who signed in with
an operator's link count together. Operators are not limited, as in the API.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from trunkline import PluginContext, Refused
from trunkline.routes import Principal
from trunkline_portal.access import find_viewer
from trunkline_portal.settings import Settings

PAGES = "portal_pages"


class TooMuch(Refused):
    """The viewer's key has reached its limit for this minute."""

    status = 429
    title = "Too much for one minute"

    def __init__(self, *, is_page: bool, limit: str, retry_after_seconds: str) -> None:
        what = (
            f"At most {limit} pages a minute are shown."
            if is_page
            else f"At most {limit} changes of this kind a minute are made, here and over the API together; nothing was changed."
        )
        super().__init__(f"{what} Try again in {retry_after_seconds} seconds.")
        self.headers = {"Retry-After": retry_after_seconds}


def counted(
    bucket: str, *, context: PluginContext, settings: Settings
) -> Callable[[Request], Awaitable[None]]:
    """Make the dependency that counts a request against the rate limit *bucket* of the signed-in viewer. It raises TooMuch."""
    per_minute = settings.pages_per_minute if bucket == PAGES else None

    async def count(request: Request) -> None:
        viewer = await find_viewer(request)
        if viewer is not None and not viewer.is_operator:
            await _count(context, viewer.holder, bucket, per_minute=per_minute)

    return count


async def count_sign_in(principal: Principal, *, context: PluginContext, settings: Settings) -> None:
    """Count a sign-in with a key as a page of that key. Raises TooMuch."""
    if not principal.is_operator:
        await _count(context, principal.key_id, PAGES, per_minute=settings.pages_per_minute)


async def _count(context: PluginContext, holder: str, bucket: str, *, per_minute: int | None) -> None:
    try:
        await context.limits.count(holder, bucket, per_minute=per_minute)
    except Refused as refusal:
        raise TooMuch(
            is_page=bucket == PAGES,
            limit=refusal.headers["x-ratelimit-limit"],
            retry_after_seconds=refusal.headers["Retry-After"],
        ) from None
