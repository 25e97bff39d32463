"""Polling: pages of the log for clients; and retention, which removes old events."""
