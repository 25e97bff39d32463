"""The Jinja environment of the pages: filters, the brand, and the macros that templates use as ``ui``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trunkline.pages import Brand
from trunkline_portal import delivery_states, formats, highlighting
from trunkline_portal.assets import Asset

FOLDER = Path(__file__).parent / "templates"


def make_environment(brand: Brand, assets: Mapping[str, Asset]) -> Environment:
    """Build the environment. Templates get the address of an asset by its name."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "time": formats.time,
        "with_times": formats.with_times,
        "number": formats.number,
        "percent": formats.percent,
        "duration": formats.duration,
        "size": formats.size,
        "words": formats.words,
        "tone": formats.tone_of,
        "json": highlighting.highlight,
        "indented": highlighting.indented,
    }

    def address_of(asset: str) -> str:
        return assets[asset].url

    shared = cast("dict[str, Any]", environment.globals)
    shared |= {
        "brand": brand,
        "delivery_state": delivery_states.state_of,
        "counted_states": delivery_states.counted,
        "asset": address_of,
        "has_logo": "logo.svg" in assets,
        "has_dark_logo": "logo-dark.svg" in assets,
    }
    shared["ui"] = environment.get_template("macros.html").module
    return environment
