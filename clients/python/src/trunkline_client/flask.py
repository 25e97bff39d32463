"""A view that receives webhooks in Flask.

::

    receiver = Receiver("whsec_…", seen=MemorySeen())

    @app.post("/hook")
    @event_view(receiver)
    def hook(event: Event) -> None: ...
"""

import functools
from collections.abc import Callable

from flask import request

from trunkline_client.errors import NotGenuine
from trunkline_client.events import Event
from trunkline_client.webhooks import Receiver


def event_view(
    receiver: Receiver,
) -> Callable[[Callable[[Event], object]], Callable[[], tuple[dict[str, str], int]]]:
    """Make a view from a function that handles an event. The view answers 204, or 401 if the webhook is not genuine."""

    def make(handle: Callable[[Event], object]) -> Callable[[], tuple[dict[str, str], int]]:
        @functools.wraps(handle)
        def view() -> tuple[dict[str, str], int]:
            try:
                with receiver.event(request.get_data(), dict(request.headers)) as event:
                    if event is not None:
                        handle(event)
            except NotGenuine as refused:
                return {"code": refused.code, "message": str(refused)}, 401
            return {}, 204

        return view

    return make
