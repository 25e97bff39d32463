"""Accepts events: each is stored in the log, refused, or quarantined."""
