"""``manage.py trunkline_relay``: the relay on a database of Django's settings."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from trunkline_client.outbox import command
from trunkline_client.outbox.django_urls import url_of


class Command(BaseCommand):  # type: ignore[misc]  # Django has no types
    """The command."""

    help = "Bring the events of the outbox to a trunkline hub."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        command.add_options(parser)
        parser.add_argument("--database", default="default", help="its alias in DATABASES")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run until SIGTERM or Ctrl-C."""
        command.run(url_of(connections[options["database"]]), argparse.Namespace(**options))
