"""The division of a process's open files."""

import pytest
from tests.few_files import at_most

from trunkline import settings
from trunkline.errors import SettingsInvalid
from trunkline.runtime import open_files
from trunkline.runtime.open_files import OpenFiles

CHOSEN = settings.Settings()


@pytest.mark.parametrize(
    ("most", "shares"),
    [
        (4096, OpenFiles(connections=1000, lingering=64, attempts=512, kept=1024)),
        (2048, OpenFiles(connections=941, lingering=64, attempts=512, kept=429)),
        (1024, OpenFiles(connections=429, lingering=64, attempts=321, kept=108)),
        (256, OpenFiles(connections=68, lingering=19, attempts=50, kept=17)),
        (134, OpenFiles(connections=14, lingering=4, attempts=10, kept=4)),
    ],
)
def test_clients_and_pushes_share_what_the_hub_itself_leaves(most, shares, caplog):
    with at_most(most):
        assert open_files.shares(CHOSEN) == shares
        open_files.check(CHOSEN)
    is_less = shares.connections < 1000
    assert len(caplog.messages) == is_less
    if is_less:
        said = f"{shares.connections} connections of clients at once instead of 1000, and {shares.attempts} attempts"
        assert f"may open {most} files: {said}" in caplog.messages[0]


def test_too_few_files_for_the_hub_itself_are_refused():
    with at_most(133), pytest.raises(SettingsInvalid, match="may open 133 files and needs 134: raise its"):
        open_files.check(CHOSEN)


def test_the_soft_limit_is_raised_to_the_hard_one():
    with at_most(300):
        open_files.raise_limit()
        assert open_files.shares(CHOSEN).connections == 1000
