"""The version of trunkline; hatchling reads it from here."""

__version__ = "0.1.0"
"""The version of the distribution, which the version ranges of plugins refer to."""
