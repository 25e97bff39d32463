"""Disks of a few megabytes, in memory, that a test fills, and databases on them."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from trunkline_kit.databases import PostgresServer


class SmallDisk:
    """A file system in memory that a file can fill: ENOSPC, as from any disk."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *_: object) -> None:
        """Use up every free byte."""
        with self._ballast.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        assert shutil.disk_usage(self.folder).free == 0

    def make_room(self, *_: object) -> None:
        """Free the space taken by ``fill``."""
        self._ballast.unlink()


@contextlib.contextmanager
def small_disk(*, megabytes: int = 16) -> Iterator[SmallDisk]:
    """Mount a small disk that other users may read, too; skip the test if mounting is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="tl-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("only root may mount a small disk, and not in every container")
        try:
            folder.chmod(0o755)
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


@contextlib.asynccontextmanager
async def database_on(disk: SmallDisk, server: PostgresServer, *, template: str) -> AsyncIterator[str]:
    """Make a database of *server* with its tables on *disk*, as a copy of *template*; give its URL.

    The server's own files, such as its write-ahead log, are elsewhere: PostgreSQL would stop if their disk was full.
    """
    space = f"small_{os.getpid()}_{next(server.numbers)}"
    folder = disk.folder / "tables"
    folder.mkdir()
    connection = await asyncpg.connect(server.url)
    try:
        shutil.chown(folder, Path(await connection.fetchval("SHOW data_directory")).owner())
        await connection.execute(f"CREATE TABLESPACE {space} LOCATION '{folder}'")
        await connection.execute(
            f"CREATE DATABASE {space} TEMPLATE {template} TABLESPACE {space} STRATEGY file_copy"
        )
        try:
            yield server.url_of(space)
        finally:
            await server.drop(space)
            await connection.execute(f"DROP TABLESPACE {space}")
    finally:
        await connection.close()
