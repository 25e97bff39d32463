"""The event types of WhiteLabelCRO, as JSON Schema files."""
