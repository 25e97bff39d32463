"""Schemas of a product: event types, actions, searches and lookups in JSON Schema, their versions and changes."""
