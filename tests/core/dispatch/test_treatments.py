"""A subscription without its own limits and retries has those of its company, or else those of the deployment."""

from trunkline.model.pace import Pace, Rate


async def _pace(house, no):
    await house.until(house.routing_is_fresh)
    return house.hub.dispatcher._reader._table.route(no).pace


async def test_a_company_says_how_its_targets_are_treated_and_a_subscription_for_itself(open_house, receiver):
    receiver.answer(delay_seconds=1)
    treatment = {"timeout_seconds": 0.2, "retry": {"schedule_seconds": []}}
    async with open_house(retry_schedule_seconds="60") as house:
        before = await house.subscribe(f"{receiver.url}/before")
        await house.hub.companies.change(92, {"delivery": treatment})
        after = await house.subscribe(f"{receiver.url}/after")
        own = await house.subscribe(f"{receiver.url}/own", timeout_seconds=5)
        other = await house.subscribe(f"{receiver.url}/other", company=17)
        await house.until(house.routing_is_fresh)
        await house.emit(to=[before, after, own])
        await house.deliver(to=[other], company=17)
        statuses = {row.no: row.status for row in await house.rows()}
    assert statuses == {before: "exhausted", after: "exhausted", own: "delivered", other: "delivered"}


async def test_the_nearest_that_says_how_fast_holds_until_it_is_taken_back(open_house):
    async with open_house(rate="9/second", max_in_flight=3) as house:
        no = await house.subscribe("http://127.0.0.1:9/")
        own = await house.subscribe("http://127.0.0.1:9/own", max_in_flight=1)
        test = await house.subscribe("http://127.0.0.1:9/test", company=-92)
        assert await _pace(house, no) == Pace(3, Rate(9, 1))
        await house.hub.companies.change(92, {"delivery": {"max_in_flight": 2, "rate": "5/minute"}})
        assert await _pace(house, no) == await _pace(house, test) == Pace(2, Rate(5, 60))
        assert await _pace(house, own) == Pace(1, Rate(5, 60))
        view = await house.hub.companies.change(92, {"delivery": {"rate": None}})
        assert view["delivery"] == {"timeout_seconds": None, "retry": None, "max_in_flight": 2, "rate": None}
        assert await _pace(house, no) == Pace(2, Rate(9, 1))
        made = await house.hub.companies.create({"delivery": {"rate": "7/second", "retry": None}})
        of_new_company = await house.subscribe("http://127.0.0.1:9/", company=made["id"])
        assert await _pace(house, of_new_company) == Pace(3, Rate(7, 1))
        await house.hub.companies.change(92, {"delivery": None, "reference": "acme"})
        assert await _pace(house, no) == Pace(3, Rate(9, 1))
        [row] = await house.query("SELECT delivery FROM companies WHERE company_id = 92")
        assert row["delivery"] is None
