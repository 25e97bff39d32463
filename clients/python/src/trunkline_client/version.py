"""The version of the client, which is released with the hub; hatchling reads it from here."""

__version__ = "0.1.0"
