"""The doctor: checks of a receiver (``trunkline doctor URL``), and in ``hub`` checks of the hub itself (``trunkline doctor``).

The receiver's checks are independent of the hub: they need no database and store nothing. ``path`` checks the connection,
``certificates`` the certificate, ``trials`` sends correct and slightly wrong events, ``judgements`` turns the answers into
checks, and ``examination`` runs all of it in order.
"""

from trunkline.cli.doctor.checks import Check, Report, Thresholds, Verdict
from trunkline.cli.doctor.examination import MAX_REQUESTS, examine

__all__ = ["MAX_REQUESTS", "Check", "Report", "Thresholds", "Verdict", "examine"]
