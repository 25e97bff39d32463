"""Records by id, lists page by page, archived clients and deleted notes."""

import pytest

PATHS = ("/clients", "/leads", "/affiliates")


async def pages(crm, path: str, **query: object) -> list[list[dict]]:
    found = []
    cursor: dict[str, str] = {}
    while True:
        page = await crm.call("GET", path, **query, **cursor)
        found.append(page["items"])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_a_list_has_whole_records_page_by_page_and_the_newest_first(crm):
    made = {
        "/clients": [await crm.client(email=f"c{number}@example.com") for number in range(3)],
        "/affiliates": [await crm.affiliate(email=f"a{number}@example.com") for number in range(5)],
    }
    leads = [await crm.lead(email=f"l{number}@example.com") for number in range(2)]
    made["/leads"], made["/clients"] = leads, made["/clients"] + leads
    for path in PATHS:
        newest = made[path][::-1]
        assert await pages(crm, path) == [newest]
        paged = await pages(crm, path, limit=2)
        assert [len(page) for page in paged] == [2] * (len(newest) // 2) + [1] * (len(newest) % 2)
        assert [record for page in paged for record in page] == newest


async def test_what_is_made_between_two_pages_moves_nothing(crm):
    made = [await crm.lead() for _ in range(4)]
    first = await crm.call("GET", "/leads", limit=2)
    await crm.lead()
    await crm.call("DELETE", f"/clients/{made[3]['client_id']}")
    second = await crm.call("GET", "/leads", limit=2, cursor=first["next_cursor"])
    assert (second["items"], second["next_cursor"]) == (made[1::-1], None)


async def test_a_list_is_narrowed_by_each_field_and_by_all(crm):
    employee_id, affiliate_id = await crm.employee(), (await crm.affiliate())["affiliate_id"]
    plain = await crm.client(first_name="Zoë", last_name="100%")
    held = await crm.client(status="Client - On Hold", employee_id=employee_id)
    lead = await crm.lead(affiliate_id=affiliate_id)
    for path, query, expected in (
        ("/clients", {"status": "client - on hold"}, [held]),
        ("/clients", {"status": "Lead - New"}, [lead]),
        ("/clients", {"employee_id": employee_id}, [held]),
        ("/clients", {"affiliate_id": affiliate_id}, [lead]),
        ("/clients", {"q": " zoë"}, [plain]),
        ("/clients", {"q": "%"}, [plain]),
        ("/clients", {"q": "", "status": ""}, [lead, held, plain]),
        ("/clients", {"q": "jane", "employee_id": employee_id, "status": "Client - On Hold"}, [held]),
        ("/clients", {"q": "zoë", "employee_id": employee_id}, []),
        ("/leads", {"q": "jane"}, [lead]),
        ("/leads", {"status": "Lead - Contacted"}, []),
    ):
        assert await pages(crm, path, **query) == [expected], query
    rosa = (await crm.call("GET", f"/affiliates/{affiliate_id}")) | {}
    assert await pages(crm, "/affiliates", is_approved_affiliate="false") == [[rosa]]
    assert await pages(crm, "/affiliates", is_approved_affiliate="true") == [[]]


@pytest.mark.parametrize(
    ("path", "query", "sentence"),
    [
        ("/clients", {"status": "Gone"}, "must be one of 'Lead - New'"),
        ("/leads", {"status": "Client - Active"}, "must be one of 'Lead - New', 'Lead - Contacted', 'Lead - Qualified', not 'Client"),
        ("/clients", {"limit": 201}, "'limit' must be at most 200, not 201"),
        ("/clients", {"limit": 0}, "'limit' must be at least 1, not 0"),
        ("/affiliates", {"status": "x"}, "'status' is not known here; known are q, is_approved_affiliate, limit, cursor"),
        ("/affiliates", {"is_approved_affiliate": "yes"}, "'is_approved_affiliate' must be true or false"),
        ("/clients", {"cursor": "e30"}, "cursor"),
    ],
)  # fmt: skip
async def test_a_list_that_cannot_be_is_refused_with_a_sentence(small_crm, path, query, sentence):
    assert sentence in (await small_crm.call("GET", path, expect=400, **query))["detail"]


async def test_a_cursor_of_another_list_is_refused(small_crm):
    for _ in range(2):
        await small_crm.lead()
    cursor = (await small_crm.call("GET", "/leads", limit=1))["next_cursor"]
    await small_crm.call("GET", "/clients", cursor=cursor, expect=400)


async def test_a_record_is_got_by_its_number_and_by_its_own_company_only(crm, neighbour):
    lead, client, affiliate = await crm.lead(), await crm.client(), await crm.affiliate()
    assert await crm.call("GET", f"/leads/{lead['client_id']}") == lead
    assert await crm.call("GET", f"/clients/{lead['client_id']}") == lead
    assert await crm.call("GET", f"/clients/{client['client_id']}") == client
    assert await crm.call("GET", f"/affiliates/{affiliate['affiliate_id']}") == affiliate
    await crm.call("GET", f"/leads/{client['client_id']}", expect=404)
    one = f"/clients/{client['client_id']}"
    for path in (one, f"{one}/notes", f"/affiliates/{affiliate['affiliate_id']}"):
        await neighbour.call("GET", path, expect=404)
    assert [await neighbour.call("GET", path) for path in PATHS] == [{"items": [], "next_cursor": None}] * 3
    for path in ("/clients/0", "/clients/x", "/leads/9007199254740991", "/affiliates/7.5"):
        await crm.call("GET", path, expect=404)


async def test_notes_are_listed_and_deleted(crm):
    number = (await crm.lead())["client_id"]
    path = f"/clients/{number}/notes"
    notes = [
        await crm.call("POST", path, {"text": f"{index}", "visibility": visibility}, expect=201)
        for index, visibility in enumerate(["internal", "client", "internal"])
    ]
    assert await pages(crm, path, limit=2) == [[notes[2], notes[1]], [notes[0]]]
    assert await pages(crm, path, visibility="client") == [[notes[1]]]
    gone = {"client_id": number, "client_note_id": notes[1]["client_note_id"]}
    gone_path = f"{path}/{gone['client_note_id']}"
    assert await crm.call("DELETE", gone_path) == {"success": True} | gone
    assert await pages(crm, path) == [[notes[2], notes[0]]]
    await crm.call("DELETE", gone_path, expect=404)
    other = (await crm.lead())["client_id"]
    await crm.call("DELETE", f"/clients/{other}/notes/{notes[0]['client_note_id']}", expect=404)
    assert await pages(crm, path) == [[notes[2], notes[0]]]


async def test_a_page_of_long_notes_is_shorter(crm):
    path = f"/clients/{(await crm.lead())['client_id']}/notes"
    for _ in range(12):
        await crm.call("POST", path, {"text": "x" * 9_000}, expect=201)
    paged = await pages(crm, path)
    assert [len(page) for page in paged] == [5, 5, 2]
    numbers = [note["client_note_id"] for page in paged for note in page]
    assert numbers == sorted(set(numbers), reverse=True)


async def test_an_archived_client_is_nowhere_any_more(crm):
    kept, archived = await crm.client(email="k@example.com"), await crm.client(external_id="ext-1")
    number = archived["client_id"]
    answer = await crm.call("DELETE", f"/clients/{number}")
    assert answer == {"success": True, "client_id": number, "archived_utc": answer["archived_utc"]}
    assert await pages(crm, "/clients") == [[kept]]
    for keys in ({"client_id": number}, {"external_id": "ext-1"}, {"email": archived["email"]}):
        assert await crm.find(**keys) is None
    (listed,) = (await crm.call("GET", "/lookups/clients"))["clients"]
    assert listed["client_id"] == kept["client_id"]
    for method, path, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("PATCH", "", {"city": "Austin"}),
        ("PATCH", "/status", {"new_status_id": 43}),
        ("POST", "/notes", {"text": "Hello"}),
        ("GET", "/notes", None),
    ):
        await crm.call(method, f"/clients/{number}{path}", body, expect=404)


async def test_an_archived_client_is_restored_as_it_was(crm):
    before = await crm.client(external_id="ext-1", city="Bonn")
    path = f"/clients/{before['client_id']}"
    await crm.call("DELETE", path)
    restored = await crm.call("POST", f"{path}/restore", {})
    assert {**restored, "updated_utc": before["updated_utc"]} == {"success": True, **before}
    assert await crm.find(external_id="ext-1") == await crm.call("GET", path)
    assert (await crm.call("POST", f"{path}/restore", {}))["updated_utc"] == restored["updated_utc"]
    await crm.call("POST", "/clients/999999/restore", {}, expect=404)


async def test_an_action_that_takes_nothing_needs_no_body(running, crm):
    number = (await crm.client())["client_id"]
    url = f"/api/v1/integrations/clients/{number}"
    assert (await running.client.post(f"{url}/restore")).json()["client_id"] == number
    assert (await running.client.post(f"{url}/restore", json=[1])).status_code == 422
    assert (await running.client.post(f"{url}/notes")).status_code == 422


async def test_the_external_id_of_an_archived_client_is_free_and_one_without_its_own_is_not_restored(crm):
    path = f"/clients/{(await crm.client(external_id='ext-1'))['client_id']}"
    await crm.call("DELETE", path)
    second = await crm.lead(external_id="ext-1")
    assert await crm.lead(external_id="ext-1", expect=200) == second
    assert set(await crm.faults("POST", f"{path}/restore", {})) == {"/external_id"}
    await crm.call("GET", path, expect=404)


async def test_a_delete_is_carried_out_once_for_its_key_and_takes_no_body(running, crm):
    number = (await crm.lead())["client_id"]
    url = f"/api/v1/integrations/clients/{number}"
    assert await crm.faults("DELETE", f"/clients/{number}", {"reason": "x"}) == {
        "": "must be left out: everything that this call takes is in its path"
    }
    answers = [await running.client.delete(url, headers={"Idempotency-Key": "d"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert (await running.client.delete(url)).status_code == 404
    unknown = await running.client.delete(f"{url}?force=1")
    assert (unknown.status_code, unknown.json()["errors"][0]["path"]) == (400, "force")
