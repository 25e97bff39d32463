"""The doctor: checks of a receiver (``trunkline doctor URL``), and in ``hub`` checks of the hub itself (``trunkline doctor``).

A service beside the hub, not a part of it: it needs no database and stores nothing. ``path`` goes as far as a connection,
``certificates`` judges who is at its end, ``trials`` sends events as the hub would and slightly wrong ones, ``judgements``
turns the answers into checks, and ``examination`` puts all of it in order.
"""

from trunkline.cli.doctor.checks import Check, Report, Thresholds, Verdict
from trunkline.cli.doctor.examination import MAX_REQUESTS, examine

__all__ = ["MAX_REQUESTS", "Check", "Report", "Thresholds", "Verdict", "examine"]
