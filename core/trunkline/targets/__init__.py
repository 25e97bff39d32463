"""Targets of pushes: URLs, the address policy, signatures."""
