"""The way in: a request becomes an event that is in the log, or is refused, or waits in quarantine."""
