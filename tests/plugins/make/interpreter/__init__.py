"""Executes a Make app: our reading of Make's public documentation, not Make's engine, which nobody can get.

Whatever it does not know it refuses (``NotUnderstood``), so that the app keeps to what is documented.
See README.md beside this file.
"""

from .app import App, Poller, Webhook
from .expressions import evaluate
from .forms import ERASE, FormRefused, fill_in
from .oauth import OAuthConnection
from .requests import MakeError
from .templates import render
from .values import UNDEFINED, NotUnderstood

__all__ = [
    "ERASE",
    "UNDEFINED",
    "App",
    "FormRefused",
    "MakeError",
    "NotUnderstood",
    "OAuthConnection",
    "Poller",
    "Webhook",
    "evaluate",
    "fill_in",
    "render",
]
