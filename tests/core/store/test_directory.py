"""A process's cache of companies: it never uses data that another process has changed."""

import asyncio

import pytest
from tests.core.store.conftest import write_with
from tests.databases import companies_over

from trunkline.errors import CompanyErased, CompanyUnknown
from trunkline.model.events import Draft
from trunkline.store import stream
from trunkline.store.directory import CompanyDirectory


@pytest.fixture
def companies(database):
    return companies_over(database)


async def append(database, directory, *ids: int) -> list[bytes]:
    drafts = [Draft(company, "lead.created", "2026-01-28T10:30:00Z", b"{}") for company in ids]
    appended = await write_with(database, stream.append, drafts, shards=16, directory=directory)
    return [event.body for event in appended.events]


async def test_an_append_has_the_reference_of_its_moment_whichever_process_changed_it(database, companies):
    elsewhere = CompanyDirectory(database)
    made = await companies.create({"reference": "acme"})
    assert b'"companyRef":"acme"' in (await append(database, elsewhere, made["id"]))[0]
    await companies.change(made["id"], {"reference": "acme-2"})
    first, other = await append(database, elsewhere, made["id"], 7)
    assert b'"companyRef":"acme-2"' in first
    assert b"companyRef" not in other


async def test_no_event_of_an_erased_company_is_appended_whichever_process_erased_it(database, companies):
    elsewhere = CompanyDirectory(database)
    made = await companies.create({"reference": "acme"})
    await append(database, elsewhere, made["id"])
    await companies.delete(made["id"])
    with pytest.raises(CompanyErased):
        await append(database, elsewhere, made["id"])
    assert elsewhere.is_erasing
    await append(database, elsewhere, 7)


async def test_a_reference_that_changed_hands_is_the_new_companys(database, companies):
    elsewhere = CompanyDirectory(database)
    first = await companies.create({"reference": "acme"})
    assert await elsewhere.id_of("acme") == first["id"]
    await companies.delete(first["id"])
    second = await companies.create({"reference": "acme"})
    elsewhere.saw((await write_with(database, stream.reserve, 0)).companies_version)
    assert await elsewhere.id_of("acme") == second["id"]
    with pytest.raises(CompanyUnknown, match="globex"):
        await elsewhere.id_of("globex")


async def test_no_more_companies_are_remembered_than_there_is_room_for(database, companies):
    directory = CompanyDirectory(database, remembered=2)
    made = [await companies.create({"reference": f"acme-{n}"}) for n in range(4)]
    ids = [company["id"] for company in made]
    for _ in range(2):
        bodies = await append(database, directory, *ids)
        assert all(f'"companyRef":"acme-{n}"'.encode() in body for n, body in enumerate(bodies))
        assert [await directory.id_of(f"acme-{n}") for n in range(4)] == ids
    assert len(directory._references) == len(directory._ids) == 2


async def test_what_is_remembered_is_not_asked_for_again(database, companies, monkeypatch):
    made = await companies.create({"reference": "acme"})
    directory = CompanyDirectory(database)
    await append(database, directory, made["id"])
    assert await directory.id_of("acme") == made["id"]

    def no_reads():
        pytest.fail("the database was asked")

    monkeypatch.setattr(database, "read", no_reads)
    assert await directory.id_of("acme") == made["id"]
    assert await directory.reference_of(made["id"]) == "acme"


async def test_a_company_exists_once_it_has_anything_in_either_environment(database, companies):
    directory = CompanyDirectory(database)
    for name in (7, "acme"):
        with pytest.raises(CompanyUnknown):
            await companies.existing(name)
    await append(database, directory, 7, -8)
    made = await companies.create({"reference": "acme"})
    found = [await companies.existing(name) for name in (7, 8, "acme")]
    assert found == [7, 8, made["id"]]
    await companies.delete(7)
    with pytest.raises(CompanyErased):
        await companies.existing(7, make=True)


async def test_a_company_is_made_once_by_all_who_ask_for_it(database, companies):
    elsewhere = companies_over(database)
    for name in ("acme", 99):
        asking = (who.existing(name, make=True) for who in (companies, elsewhere) * 3)
        assert len(set(await asyncio.gather(*asking))) == 1
    assert len((await companies.page())["companies"]) == 2
