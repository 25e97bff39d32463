"""The page of changes: each change with its author, filtered and page by page."""


async def test_the_page_shows_who_changed_what(running, browser):
    record, _ = await running.hub.keys.create(running.company_id, name="Importer", scopes=["events:write"])
    await running.hub.keys.revoke(record.id, company_id=running.company_id)
    page = await browser.get(f"/portal/changes?target={record.id}")
    words = browser.words(page)
    assert "key.created" in words
    assert "key.revoked" in words.partition(record.id)[0]
    assert "Importer" in page.text
    assert "key.created" not in browser.words(await browser.get("/portal/changes?action=key.revoked"))


async def test_an_operator_may_look_at_every_company_and_a_company_at_its_own(running, operator, browser):
    theirs, _ = await running.hub.keys.create(running.neighbour_id, name="Theirs", scopes=["events:read"])
    assert theirs.id in (await operator.get(f"/portal/changes?of=every&target={theirs.id}")).text
    assert "No such change" in (await browser.get(f"/portal/changes?of=every&target={theirs.id}")).text


async def test_older_changes_are_a_page_further(running, browser):
    for number in range(26):
        record, _ = await running.hub.keys.create(
            running.company_id, name=f"k{number}", scopes=["events:read"]
        )
        await running.hub.keys.revoke(record.id, company_id=running.company_id)
    assert "cursor=" in (await browser.get("/portal/changes")).text
