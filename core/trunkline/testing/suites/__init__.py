"""The suites: each judges one kind of thing that a plugin may give."""
