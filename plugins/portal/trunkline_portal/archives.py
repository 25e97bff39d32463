"""Makes zip files in memory; the same content always gives the same bytes."""

import io
import zipfile
from collections.abc import Mapping

_MADE = (1980, 1, 1, 0, 0, 0)
"""The oldest date that a zip can hold, used for every file."""


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Pack *files*, sorted by path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _MADE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr, entry.create_system = 0o100644 << 16, 3  # a plain file, from Unix
            archive.writestr(entry, files[path])
    return buffer.getvalue()
