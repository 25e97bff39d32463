"""Fault points: named places in the code at which the crash tests kill a process. They have no effect by themselves.

Passing a fault point raises Python's audit event ``trunkline.fault`` with the point's name (PEP 578). Without a hook, as in a
deployment, that takes about 60 ns; the crash tests install a hook that kills the process (``tests/reliability/crash``).
``trunkline_kit.fault_points`` explains each point.
"""

import sys

EVENT = "trunkline.fault"


def point(name: str) -> None:
    """Pass the fault point *name*."""
    sys.audit(EVENT, name)
