"""A scripted HTTP receiver on a real socket: for tests, the demo and benchmarks.

It gives scripted answers, well-behaved or hostile, and keeps the requests::

    async with Receiver() as receiver:
        receiver.script([Answer(500), Reset()])  # then 200 again
        ...
        await receiver.wait_for(3)
        assert receiver.requests[0].headers["webhook-id"] == "17"

Head and body of an answer leave in one write with TCP_NODELAY: in two writes a kept-alive request takes 43 ms longer
(delayed acknowledgement).
"""

from trunkline_kit.receiver.connections import Connection, ReceivedRequest
from trunkline_kit.receiver.replies import (
    Answer,
    CloseWithoutAnswer,
    Drip,
    EndlessHeaders,
    Garbage,
    Hang,
    HugeBody,
    Redirect,
    Reply,
    Reset,
)
from trunkline_kit.receiver.server import Receiver

__all__ = [
    "Answer",
    "CloseWithoutAnswer",
    "Connection",
    "Drip",
    "EndlessHeaders",
    "Garbage",
    "Hang",
    "HugeBody",
    "ReceivedRequest",
    "Receiver",
    "Redirect",
    "Reply",
    "Reset",
]
