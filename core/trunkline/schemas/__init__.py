"""What a product describes once: event types, actions, searches and lookups in JSON Schema, their versions and changes."""
