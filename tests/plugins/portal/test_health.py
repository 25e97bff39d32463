"""The pages about plugins and health, for operators."""

import json

from tests.plugins.portal.worlds import emit, lay_fax, shown_when, subscribe

COUNTED = 10_000


async def test_an_operator_sees_readiness_plugins_and_what_waits(running, operator):
    page = await operator.get("/portal/health")
    words = operator.words(page)
    for said in ("Database ok", "Dispatcher ok", "Behind the log", "Retries due", "16 shards"):
        assert said in words
    for record in running.hub.registry.records:
        assert f"<strong>{record.name}</strong>" in page.text
    assert "1 Workers" not in words
    await shown_when(operator, "/portal/health", "all of them have a worker")


async def test_no_company_is_needed_for_it(undecided):
    words = undecided.words(await undecided.get("/portal/health"))
    assert "Dispatcher off this process does not do it" in words


async def test_a_plugin_that_failed_is_shown_with_its_reason(
    tmp_path, monkeypatch, sqlite_database_url, make_hub, sign_in
):
    monkeypatch.syspath_prepend(lay_fax(tmp_path, "raise RuntimeError('<i>no paper</i>')\n"))
    hub = await make_hub(sqlite_database_url, dispatch=False)
    browser = await sign_in(hub, company_id=None)
    page = await browser.get("/portal/health")
    assert [one.state for one in hub.hub.registry.records if one.name == "fax"] == ["failed"]
    assert "failed" in browser.words(page)
    assert "&lt;i&gt;no paper" in page.text


async def test_of_very_many_deliveries_pages_read_a_part_and_say_so(sqlite_database_url, make_hub, sign_in):
    hub = await make_hub(sqlite_database_url, dispatch=False)
    first, subscription = await emit(hub), await subscribe(hub, "https://hooks.example.com/")
    last = first + COUNTED
    async with hub.hub.engines.write() as connection:
        await connection.exec_driver_sql(
            f"WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) "
            "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
            f"SELECT n, no, 'delivered', 0, 0, 0 FROM s JOIN subscriptions ON id = '{subscription}'"
        )
        await connection.exec_driver_sql(f"UPDATE stream_head SET position = {last}")
    browser = await sign_in(hub)
    assert "estimated from those of one event in 5." in browser.words(await browser.get("/portal"))
    browser = await sign_in(hub, company_id=None)
    words = browser.words(await browser.get("/portal/health"))
    assert f"delivered {COUNTED:,} Counted among the newest only" in words


async def test_a_companys_key_does_not_see_it(browser):
    await browser.get("/portal/health", expect=403)
    assert json.dumps("/portal/health") not in (await browser.get("/portal")).text
