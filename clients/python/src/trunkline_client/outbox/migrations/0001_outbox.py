"""Makes the tables of the outbox."""

from typing import Any, ClassVar

from django.db import migrations
from sqlalchemy import create_engine

from trunkline_client.outbox.django_urls import url_of
from trunkline_client.outbox.tables import create_statements


def _make(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001 - Django gives both
    for statement in create_statements(create_engine(url_of(schema_editor.connection))):
        schema_editor.execute(statement)


def _drop(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    for name in ("trunkline_outbox", "trunkline_relay"):
        schema_editor.execute(f"DROP TABLE {name}")


class Migration(migrations.Migration):  # type: ignore[misc]  # Django has no types
    """The two tables, on the database that is migrated."""

    initial = True
    dependencies: ClassVar[list[Any]] = []
    operations: ClassVar[list[Any]] = [migrations.RunPython(_make, _drop)]
