"""Taking events in: each is stored in the log, refused, or quarantined."""
