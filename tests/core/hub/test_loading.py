"""What a start loads: each module that a hub does without makes every restart shorter."""

import os
import subprocess
import sys

CODE = """
import asyncio, sys
from trunkline import settings
from trunkline.hub.hub import Hub

async def start():
    async with Hub(settings.load()):
        print(*sys.modules)

asyncio.run(start())
"""


def test_a_start_on_a_migrated_database_loads_neither_the_orm_nor_the_migrations(tmp_path):
    secrets = {"TRUNKLINE_AUTH__PEPPER": "p" * 32, "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32}
    environment = os.environ | secrets | {"TRUNKLINE_DATABASE__URL": f"sqlite:///{tmp_path / 't.db'}"}
    command = [sys.executable, "-c", CODE]
    first, second = (
        set(subprocess.check_output(command, cwd=tmp_path, env=environment, text=True).split())
        for _ in range(2)
    )
    unneeded = {"sqlalchemy.orm", "alembic"}
    assert unneeded <= first  # the first start migrates
    assert "sqlalchemy" in second
    assert not unneeded & second
