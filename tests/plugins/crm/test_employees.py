"""The employees of a company: how they are added."""


async def test_an_employee_is_there_for_the_lookup_and_for_clients(crm):
    body = {"full_name": " Maria Lopez ", "email": "maria.lopez@example.com"}
    made = await crm.call("POST", "/employees", body, expect=201)
    assert set(made) == {"employee_id"}
    assert (await crm.call("GET", "/lookups/employees"))["employees"] == [made | {"full_name": "Maria Lopez"}]
    await crm.client(employee_id=made["employee_id"])


async def test_an_email_address_is_optional(small_crm):
    for more in ({}, {"email": ""}, {"email": None}):
        await small_crm.call("POST", "/employees", {"full_name": "Maria Lopez", **more}, expect=201)


async def test_what_cannot_be_is_named(small_crm):
    for body, field in (
        ({}, "/full_name"),
        ({"full_name": ""}, "/full_name"),
        ({"full_name": " "}, "/full_name"),
        ({"full_name": "x" * 201}, "/full_name"),
        ({"full_name": "Maria", "email": "maria"}, "/email"),
        ({"full_name": "Maria", "role": "boss"}, "/role"),
    ):
        assert set(await small_crm.faults("POST", "/employees", body)) == {field}, body


async def test_an_operator_says_for_which_company(running, crm):
    path, body = "/api/v1/integrations/employees", {"full_name": "Maria Lopez"}
    assert (await running.operator.post(path, json=body)).status_code == 400
    made = await running.operator.post(path, json=body, headers={"X-Company-Id": str(running.company_id)})
    assert made.status_code == 201
    assert (await crm.call("GET", "/lookups/employees"))["count"] == 1
