"""The doctor: checks of a receiver (``trunkline doctor URL``), and in ``hub`` checks of the hub itself (``trunkline doctor``).

The receiver's checks are independent of the hub: they need no database and store nothing. ``path`` checks the connection,
``certificates`` the certificate, ``trials`` sends correct and slightly wrong events, ``judgements`` turns the answers into
checks, and ``examination`` runs all of it in order.
"""
