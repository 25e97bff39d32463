"""Executes a Make app as Make's public documentation describes; Make's engine is not available."""

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
