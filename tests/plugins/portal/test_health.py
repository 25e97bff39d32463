"""The pages about plugins and health, for operators."""

import json

from tests.plugins.portal.worlds import emit, subscribe

COUNTED = 10_000


async def test_an_operator_sees_readiness_plugins_and_what_waits(running, sign_in):
    browser = await sign_in(running, company_id=None)
    page = await browser.get("/portal/health")
    words = browser.words(page)
    assert "Database ok" in words
    assert "Dispatcher ok" in words
    for record in running.hub.registry.records:
        assert f"<strong>{record.name}</strong>" in page.text
    assert "Behind the log" in words
    assert "Retries due" in words
    assert "16 shards" in words
    assert "1 Workers" not in words


async def test_no_company_is_needed_for_it(api, open_browser):
    _, key = await api.hub.keys.create(None, name="ops", scopes=["operator"])
    browser = open_browser(api)
    await browser.sign_in(key)
    words = browser.words(await browser.get("/portal/health"))
    assert "Dispatcher off this process does not do it" in words


async def test_a_plugin_that_failed_is_shown_with_its_reason(
    tmp_path, monkeypatch, sqlite_database_url, make_hub, sign_in
):
    info = tmp_path / "site" / "acme_fax-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-fax\nVersion: 1.0\nRequires-Dist: trunkline>=0\n"
    )
    (info / "entry_points.txt").write_text("[trunkline]\nfax = acme_fax_that_fails\n")
    (tmp_path / "site" / "acme_fax_that_fails.py").write_text("raise RuntimeError('<i>no paper</i>')\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    hub = await make_hub(sqlite_database_url, dispatch=False)
    browser = await sign_in(hub, company_id=None)
    page = await browser.get("/portal/health")
    (record,) = [entry for entry in hub.hub.registry.records if entry.name == "fax"]
    assert record.state == "failed"
    assert "failed" in browser.words(page)
    assert "no paper" in page.text
    assert "<i>no paper" not in page.text


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


async def test_a_companys_key_does_not_see_it(api, sign_in):
    browser = await sign_in(api)
    await browser.get("/portal/health", expect=403)
    assert json.dumps("/portal/health") not in (await browser.get("/portal")).text
