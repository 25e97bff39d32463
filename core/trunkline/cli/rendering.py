"""Files that commands write from templates."""

from collections.abc import Callable

import jinja2


def make_environment(read: Callable[[str], str], **delimiters: str) -> jinja2.Environment:
    """Make the Jinja environment; *read* gives a template's text by its name, *delimiters* are Jinja's settings."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(read),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Python, TOML and YAML, not HTML
        **delimiters,  # type: ignore[arg-type]
    )
