"""The bundled example product, WhiteLabelCRO: its event types by name, and its definitions."""

from importlib.resources import files

from trunkline.schemas.files import load_definitions, load_event_types

EVENT_TYPES = {kind.name: kind for kind in load_event_types(files("trunkline_schemas"))}
DEFINITIONS = load_definitions(files("trunkline_schemas"))
