"""What a start loads: each module that a hub does without makes every restart shorter."""

import os
import subprocess
import sys

from tests.core.cli.conftest import SECRETS

CODE = """
import asyncio, sys
from trunkline import settings
from trunkline.hub.hub import Hub

async def start():
    async with Hub(settings.load()):
        print(*sys.modules)

asyncio.run(start())
"""


def test_a_start_on_a_migrated_database_loads_neither_the_orm_nor_the_migrations(
    tmp_path, sqlite_database_url
):
    environment = os.environ | SECRETS | {"TRUNKLINE_DATABASE__URL": sqlite_database_url}
    command = [sys.executable, "-c", CODE]
    loaded = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True).split()
    assert "sqlalchemy" in loaded
    assert {"sqlalchemy.orm", "alembic"}.isdisjoint(loaded)
