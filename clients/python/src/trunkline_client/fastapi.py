"""A dependency that receives webhooks in FastAPI.

::

    receiver = Receiver("whsec_…", seen=MemorySeen())

    @app.post("/hook", status_code=204)
    def hook(event: Annotated[Event, Depends(event_of(receiver))]) -> None: ...
"""

from collections.abc import AsyncIterator, Callable

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from trunkline_client.errors import NotGenuine
from trunkline_client.events import Event
from trunkline_client.webhooks import Receiver


def event_of(receiver: Receiver) -> Callable[[Request], AsyncIterator[Event]]:
    """Make a dependency that returns the event of a request.

    The dependency answers 401 to a request that is not genuine, and 204 to an event that was handled before.
    """

    async def event(request: Request) -> AsyncIterator[Event]:
        body = await request.body()
        handling = receiver.event(body, request.headers)
        try:
            event = await run_in_threadpool(handling.__enter__)
        except NotGenuine as refused:
            raise HTTPException(401, {"code": refused.code, "message": str(refused)}) from None
        if event is None:
            raise HTTPException(204)
        try:
            yield event
        except BaseException as error:
            handling.__exit__(type(error), error, error.__traceback__)
            raise
        await run_in_threadpool(handling.__exit__, None, None, None)

    return event
