"""Declares the options and arguments of commands; *more* are further arguments of Typer's functions."""

from typing import Any

import typer


def option(name: str, metavar: str, help: str, **more: Any) -> Any:
    """Declare an option with a value."""
    return typer.Option(name, metavar=metavar, help=help, **more)


def argument(metavar: str, help: str, **more: Any) -> Any:
    """Declare an argument."""
    return typer.Argument(metavar=metavar, help=help, **more)
