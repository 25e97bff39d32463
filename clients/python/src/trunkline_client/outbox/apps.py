"""The outbox as an app of Django."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):  # type: ignore[misc]  # Django has no types
    """The app, with the migration and the command ``trunkline_relay``."""

    name = "trunkline_client.outbox"
    label = "trunkline_outbox"
    verbose_name = "trunkline outbox"
