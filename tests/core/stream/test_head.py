"""The cursor of now: the events that a reader sees from there on, and those that it does not see."""


async def test_from_the_head_on_there_is_only_what_comes_later(running):
    await running.emit("lead.created")
    head = await running.hub.streaming.head()
    assert (await running.hub.streaming.page(running.company_id, cursor=head)).bodies == []
    later = await running.emit("lead.created")
    page = await running.hub.streaming.page(running.company_id, cursor=head)
    assert page.bodies == [later.body]


async def test_the_head_of_an_empty_log_is_a_cursor_too(engine, lend_hub):
    hub = await lend_hub(engine, dispatch=False)
    page = await hub.hub.streaming.page(hub.company_id, cursor=await hub.hub.streaming.head())
    assert (page.bodies, page.more) == ([], False)
