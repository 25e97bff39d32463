"""Deliveries that wait in the ledger: one loop claims them, with a policy for each kind of them.

In: rows of the ledger, and pages of replays. Out: jobs for ``attempts``, each with a claim. A lane writes claims, and puts
rows aside that this worker cannot start. The settlement (``ledger``) ends the claims.
"""
