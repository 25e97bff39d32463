"""A create with a used external_id gives the first record, for any number of concurrent calls."""

import asyncio

CALLERS = 32


async def test_the_first_record_is_given_as_it_is_now_and_no_event_is_emitted(crm):
    made = await crm.lead(external_id=" ext-1 ")
    await crm.call("PATCH", f"/clients/{made['client_id']}/status", {"new_status_id": 42})
    for create in (crm.lead, crm.client):  # leads and clients share the external_ids
        again = await create(expect=200, external_id="ext-1", first_name="Somebody", last_name="Else")
        assert again == await crm.call("GET", f"/clients/{made['client_id']}")
        assert (again["client_id"], again["status"]) == (made["client_id"], "Client - Active")
    assert (await crm.find(external_id="ext-1"))["first_name"] == "Jane"
    assert len(await crm.events()) == 2


async def test_affiliates_and_notes_have_their_own(crm):
    client_id = (await crm.client(external_id="x"))["client_id"]
    affiliate = await crm.affiliate(external_id="x")
    assert await crm.affiliate(expect=200, external_id="x", email="other@example.com") == affiliate
    path, body = f"/clients/{client_id}/notes", {"text": "Hello", "external_id": "x"}
    note = await crm.call("POST", path, body, expect=201)
    assert await crm.call("POST", path, body | {"text": "Other"}, expect=200) == note
    assert [event["type"] for event in await crm.events()] == ["client.created", "affiliate.created"]


async def test_they_differ_in_case(small_crm):
    first, second = await small_crm.lead(external_id="abc"), await small_crm.lead(external_id="ABC")
    assert first["client_id"] != second["client_id"]


async def test_without_one_equal_people_are_different_records(small_crm):
    first, second = await small_crm.lead(), await small_crm.lead(external_id="  ")
    assert first["client_id"] != second["client_id"]
    assert (await small_crm.find(email="JANE.DOE@example.com"))["client_id"] == first["client_id"]


async def test_many_at_once_make_one_record_and_one_event(running, crm):
    body = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com", "external_id": "ext-1"}
    calls = [running.client.post("/api/v1/integrations/leads", json=body) for _ in range(CALLERS)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200] * (CALLERS - 1) + [201]
    assert len({answer.text for answer in answers}) == 1
    assert len(await crm.events()) == 1


async def test_the_first_records_of_a_new_company_may_come_at_once(crm):
    made = await asyncio.gather(*(crm.client(external_id=f"ext-{number}") for number in range(CALLERS)))
    assert len({client["client_id"] for client in made}) == CALLERS
    assert len(await crm.events("client.created")) == CALLERS


async def test_one_that_another_record_has_is_refused_in_an_update(crm):
    first, second = [(await crm.client(external_id=external_id))["client_id"] for external_id in ("a", "b")]
    path = f"/clients/{second}"
    faults = await crm.faults("PATCH", path, {"external_id": "a", "first_name": "Joan"})
    assert faults == {"/external_id": "is already the external_id of another record"}
    assert (await crm.find(client_id=second))["first_name"] == "Jane"
    await crm.call("PATCH", f"/clients/{first}", {"external_id": None})
    await crm.call("PATCH", path, {"external_id": "a"})


async def test_of_two_updates_at_once_one_gets_it(crm):
    ids = [(await crm.client())["client_id"] for _ in range(8)]
    paths = [f"/api/v1/integrations/clients/{number}" for number in ids]
    answers = await asyncio.gather(*(crm.http.patch(path, json={"external_id": "x"}) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 7


async def test_of_many_moves_to_one_status_at_once_one_is_a_change(crm):
    path = f"/api/v1/integrations/clients/{(await crm.lead())['client_id']}/status"
    moves = [crm.http.patch(path, json={"new_status_id": 42}) for _ in range(16)]
    answers = [answer.json() for answer in await asyncio.gather(*moves)]
    assert sum(answer["previous_status"] == "Lead - New" for answer in answers) == 1
    assert len(await crm.events("client.status_changed")) == 1
