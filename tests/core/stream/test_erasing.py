"""The speed of erasing a company: batches adapt to their duration, and the receipt estimates the rest."""

import pytest
from tests.core.store.test_epochs import add_subscription
from tests.core.store.test_stream import append, draft
from tests.databases import limits_over
from tests.statements import execute

from trunkline.access.companies import Companies
from trunkline.store import erasures
from trunkline.store.directory import CompanyDirectory
from trunkline.store.wakeup import Signal
from trunkline.stream.erasing import LEAST_ROWS, MOST_ROWS, PIECE_SECONDS, Erasing, fitting

EVENTS = 300


@pytest.mark.parametrize(
    ("rows", "took", "wanted"),
    [
        (800, PIECE_SECONDS, 800),
        (800, PIECE_SECONDS / 100, 1600),
        (800, PIECE_SECONDS * 2, 400),
        (800, 10.0, LEAST_ROWS),
        (4000, 0.0, MOST_ROWS),
    ],
)
def test_a_piece_has_as_many_rows_as_fit_its_time(rows, took, wanted):
    assert fitting(rows, took) == wanted


async def test_a_receipt_says_what_is_left_and_how_long_it_takes(database, monkeypatch):
    monkeypatch.setattr(erasures, "SETTLE_MS", 0)
    no = await add_subscription(database, "sub_1")
    await append(database, [draft() for _ in range(EVENTS)])
    await execute(
        database,
        "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
        f"SELECT position, {no}, 'delivered', 0, 0, 0 FROM events",
    )
    async with database.write() as connection:
        erasure = await erasures.begin(connection, 92, id="era_1", plugins=())
    directory = CompanyDirectory(database)
    companies = Companies(database, directory=directory, limits=limits_over(database), plugins=tuple)
    begun = await companies.receipt("era_1")
    assert begun["remaining"] == {"deliveries": EVENTS, "events": EVENTS}
    assert begun["estimated_seconds"] is None

    eraser = Erasing(database, plugins=tuple, wanted=Signal())
    async with database.write() as connection:
        await erasures.claim(connection, eraser._holder, lease_ms=10_000)
    assert await eraser._piece(erasure, 50, has_settled=True) == "removed"
    later = await companies.receipt("era_1")
    assert later["remaining"] == {"deliveries": EVENTS - 50, "events": EVENTS}
    assert isinstance(later["estimated_seconds"], int)
    while await eraser._piece(erasure, 50, has_settled=True) != "ended":
        pass
    assert not {"remaining", "estimated_seconds"} & (await companies.receipt("era_1")).keys()
