"""Searches and lookups."""


async def test_a_record_is_found_by_each_key_and_by_several(crm):
    made = await crm.lead(phone="+1 555-010-4477", external_id="ext-1")
    await crm.lead(email="john@example.com", phone="+1 555-010-9999", external_id="ext-2")
    for keys in (
        {"email": "JANE.Doe@example.com"},
        {"email": " jane.doe@example.com "},
        {"phone": "15550104477"},
        {"phone": "555.010.4477"},
        {"phone": "+1 (555) 010-4477"},
        {"external_id": "ext-1"},
        {"email": "jane.doe@example.com", "phone": "5550104477", "external_id": "ext-1"},
    ):
        for kind in ("clients", "leads"):
            client = await crm.find(kind, **keys)
            assert client is not None, keys
            assert client["client_id"] == made["client_id"], keys
        assert await crm.find(**keys, client_id=made["client_id"]) == client
        assert await crm.find(**keys, client_id=made["client_id"] + 1) is None


async def test_what_does_not_fit_exactly_is_not_found(crm):
    await crm.lead(phone="+1 555-010-4477", external_id="ext-1")
    for keys in (
        {"email": "jane.doe@example.co"},
        {"email": "%"},
        {"phone": "555010447"},
        {"phone": "x"},
        {"external_id": "EXT-1"},
        {"external_id": "ext"},
        {"client_id": 9_007_199_254_740_991},
    ):
        assert await crm.call("GET", "/clients/search", **keys) == {"results": [], "count": 0}, keys


async def test_the_oldest_match_is_given_and_only_leads_to_whom_asks_for_leads(crm):
    client, lead, _ = await crm.client(), await crm.lead(), await crm.lead()
    assert (await crm.find("clients", email="jane.doe@example.com"))["client_id"] == client["client_id"]
    assert (await crm.find("leads", email="jane.doe@example.com"))["client_id"] == lead["client_id"]


async def test_by_nothing_at_all_nothing_is_searched(small_crm):
    for query in ({}, {"email": ""}):
        await small_crm.call("GET", "/clients/search", expect=400, **query)
    await small_crm.call("GET", "/clients/search", expect=400, name="Jane")
    await small_crm.call("GET", "/leads/search", expect=400, client_id="x")


async def test_the_statuses_are_listed_before_there_is_any_record(crm):
    statuses = [
        {"status_id": 10, "name": "Lead - New", "is_lead": True},
        {"status_id": 11, "name": "Lead - Contacted", "is_lead": True},
        {"status_id": 12, "name": "Lead - Qualified", "is_lead": True},
        {"status_id": 42, "name": "Client - Active", "is_lead": False},
        {"status_id": 43, "name": "Client - On Hold", "is_lead": False},
        {"status_id": 44, "name": "Client - Graduated", "is_lead": False},
        {"status_id": 45, "name": "Client - Cancelled", "is_lead": False},
    ]
    whole = {"client_statuses": statuses, "count": 7, "next_cursor": None}
    assert await crm.call("GET", "/lookups/client-statuses") == whole
    await crm.lead()
    assert await crm.call("GET", "/lookups/client-statuses") == whole
    answer = await crm.call("GET", "/lookups/client-statuses", q="LEAD")
    assert answer["client_statuses"] == statuses[:3]


async def pages(crm, lookup: str, **query) -> list[list[dict]]:
    name, found_pages, cursor = lookup.replace("-", "_"), [], ""
    while cursor is not None:
        page = await crm.call("GET", f"/lookups/{lookup}", cursor=cursor, **query)
        assert page["count"] == len(page[name])
        found_pages.append(page[name])
        cursor = page["next_cursor"]
    return found_pages


async def test_lists_go_on_page_by_page_in_the_order_of_names(crm):
    names = ["anna", "Bob", "bob", "Zoë", "Émile", "Ólafur", "%_", "a\\b", "9"]
    for name in names:
        await crm.employee(name)
        await crm.client(first_name=name, last_name="X", email="p@example.com")
        number = (await crm.affiliate(first_name=name, last_name="X"))["affiliate_id"]
        await crm.call("PATCH", f"/affiliates/{number}", {"is_approved_affiliate": True})
    in_order = ["%_", "9", "a\\b", "anna", "Bob", "bob", "Zoë", "Émile", "Ólafur"]
    for lookup, suffix in (("employees", ""), ("clients", " X"), ("affiliates", " X")):
        list_of_pages = await pages(crm, lookup, limit=4)
        assert [len(page) for page in list_of_pages] == [4, 4, 1]
        assert [item["full_name"] for page in list_of_pages for item in page] == [
            name + suffix for name in in_order
        ]
        assert len(await pages(crm, lookup, limit=9)) == 1
    assert [len(page) for page in await pages(crm, "client-statuses", limit=3)] == [3, 3, 1]


async def test_a_list_is_narrowed_by_a_part_of_name_or_email(crm):
    for name, email in (("Bob", "bob@example.com"), ("Émile", "x@example.com"), ("%_", "y@example.com")):
        await crm.client(first_name=name, last_name="X", email=email)
    for part, names in (
        ("bo", ["Bob X"]),
        ("BOB x", ["Bob X"]),
        ("bob@", ["Bob X"]),
        ("é", ["Émile X"]),
        ("e\u0301MILE", ["Émile X"]),
        ("%", ["%_ X"]),
        ("_", ["%_ X"]),
        ("nobody", []),
        ("", ["%_ X", "Bob X", "Émile X"]),
    ):
        listed = [item["full_name"] for page in await pages(crm, "clients", q=part) for item in page]
        assert listed == names, part


async def test_clients_are_listed_with_leads_and_with_their_email(crm):
    lead, client = await crm.lead(first_name="Abe"), await crm.client()
    assert (await crm.call("GET", "/lookups/clients"))["clients"] == [
        {"client_id": lead["client_id"], "full_name": "Abe Doe", "email": "jane.doe@example.com"},
        {"client_id": client["client_id"], "full_name": "Jane Doe", "email": "jane.doe@example.com"},
    ]


async def test_a_query_that_cannot_be_is_refused(small_crm):
    for lookup in ("clients", "employees", "affiliates", "client-statuses"):
        for query in ({"limit": 0}, {"limit": 201}, {"limit": "x"}, {"cursor": "x"}, {"page": 2}):
            problem = await small_crm.call("GET", f"/lookups/{lookup}", expect=400, **query)
            assert next(iter(query)) in problem["detail"].lower(), (lookup, query)
