"""The conformance suites: one for plugins as a whole, and one each for channels, actions, searches and migrations."""
