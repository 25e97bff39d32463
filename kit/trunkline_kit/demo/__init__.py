"""The demo: events go through the whole system, from a call of the API to a signature that a receiver has verified.

The hub runs in this process and is used as any client would use it, over HTTP. ``scenario`` does the job, ``screen``
shows it.
"""

from trunkline_kit.demo.stage import run_demo

__all__ = ["run_demo"]
