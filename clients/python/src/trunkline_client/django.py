"""A view that receives webhooks in Django.

::

    receiver = Receiver("whsec_…", seen=DjangoSeen())

    @event_view(receiver)
    def hook(event: Event) -> None: ...

    urlpatterns = [path("hook", hook)]
"""

import functools
from collections.abc import Callable
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from trunkline_client.errors import NotGenuine
from trunkline_client.events import Event
from trunkline_client.webhooks import Receiver


def event_view(
    receiver: Receiver,
) -> Callable[[Callable[[Event], object]], Callable[[HttpRequest], HttpResponse]]:
    """Make a view from a function that handles an event. The view answers 204, or 401 if the webhook is not genuine."""

    def make(handle: Callable[[Event], object]) -> Callable[[HttpRequest], HttpResponse]:
        @functools.wraps(handle)
        def view(request: HttpRequest) -> HttpResponse:
            headers: Any = request.headers
            try:
                with receiver.event(request.body, headers) as event:
                    if event is not None:
                        handle(event)
            except NotGenuine as refused:
                return JsonResponse({"code": refused.code, "message": str(refused)}, status=401)
            return HttpResponse(status=204)

        made: Any = csrf_exempt(require_POST(view))
        return cast("Callable[[HttpRequest], HttpResponse]", made)

    return make
