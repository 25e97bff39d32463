"""Channels with a defect that shows in a running hub, or in a crash."""

from tests.kit.broken.channel import CHANNEL, acme, delivering, pushing, with_outcome

rejects_a_503 = with_outcome("result.status_code == 503", "REJECTED").breaks(
    "channel.retries-when-refused-for-now"
)

takes_a_broken_connection_for_the_end = with_outcome("result.error", "GONE").breaks(
    "channel.retries-after-a-broken-connection"
)

takes_a_rejection_for_success = with_outcome("result.status_code == 422", "DELIVERED").breaks(
    "channel.stops-when-refused-for-good"
)

takes_gone_for_rejected = with_outcome("result.status_code == 410", "REJECTED").breaks(
    "channel.ends-when-the-target-is-gone"
)

takes_ids_for_numbers = pushing("replace(push, event_id=str(int(push.event_id)))").breaks(
    "channel.makes-test-calls"
)

FAN_OUT = """
targets = {}

async def deliver(push, http):
    targets[push.target.url] = push.target
    for target in list(targets.values()):
        result = await post(replace(push, target=target), http)
    return result
"""

sends_to_every_target_that_it_has_seen = acme(FAN_OUT).breaks(
    "channel.keeps-companies-apart", "channel.forgets-a-deleted-target"
)

signs_with_the_secret_that_a_target_came_with_first = acme(
    "secrets = {}\n\n"
    "async def deliver(push, http):\n"
    "    kept = secrets.setdefault(push.target.url, push.target.secrets)\n"
    "    return await post(replace(push, target=replace(push.target, secrets=kept)), http)\n"
).breaks("channel.shares-a-target-among-companies")

keeps_the_first_target_of_a_company = acme(
    "targets = {}\n\n"
    "async def deliver(push, http):\n"
    "    target = targets.setdefault(push.target.company_id, push.target)\n"
    "    return await post(replace(push, target=target), http)\n"
).breaks("channel.serves-each-target")

keeps_the_target_of_a_subscription = acme(
    "targets = {}\n\n"
    "async def deliver(push, http):\n"
    "    target = targets.setdefault(push.target.subscription_id, push.target)\n"
    "    return await post(replace(push, target=target), http)\n"
).breaks("channel.follows-a-changed-target")

sends_as_soon_as_an_event_is_accepted = acme(
    "urls = set()\n\n"
    "async def deliver(push, http):\n"
    "    urls.add(push.target.url)\n"
    "    return await post(push, http)\n\n"
    "@hookimpl\n"
    "async def event_accepted(context, events):\n"
    "    for event in events:\n"
    "        for url in list(urls):\n"
    "            await context.http.post(url, body=event.body, headers={})\n"
).breaks("channel.pauses-and-resumes")

gives_every_attempt_an_id_of_its_own = pushing(
    "replace(push, event_id=f'{push.event_id}-{push.attempt}')"
).breaks("channel.replays-the-same")

drops_what_is_older_than_itself = acme(
        "started = {}\n\n"
        "async def deliver(push, http):\n"
        "    made = json.loads(push.body).get('createdUtc', '9')\n"
        "    if made < started['at']:\n"
        "        return Result(Outcome.DELIVERED, 200)\n"
        "    return await post(push, http)\n",
        channel=CHANNEL.replace(
            "    return", "    started['at'] = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time.time() + 1))\n    return"
        ),
    ).breaks("channel.is-held-while-disabled")  # fmt: skip

keeps_what_failed_in_memory = acme(
    "waiting = []\n\n"
    "async def deliver(push, http):\n"
    "    result = await post(push, http)\n"
    "    if result.outcome is Outcome.RETRY:\n"
    "        waiting.append(push)\n"
    "        return Result(Outcome.DELIVERED, 202)\n"
    "    return result\n"
).breaks("channel.loses-nothing-in-a-restart")

notes_an_event_as_sent_before_it_is = delivering(
    "    note = Path(__file__).parent / f'{push.target.subscription_id}-{push.event_id}'\n"
    "    if note.exists():\n"
    "        return Result(Outcome.DELIVERED, 200)\n"
    "    note.touch()\n"
    "    return await post(push, http)\n"
).breaks("channel.loses-nothing-in-a-crash")

asks_what_only_sqlite_knows = acme(
    "database = {}\n\n"
    "async def deliver(push, http):\n"
    "    async with database['it'].read() as connection:\n"
    "        await connection.exec_driver_sql('SELECT sqlite_version()')\n"
    "    return await post(push, http)\n",
    channel=CHANNEL.replace("    return", "    database['it'] = context.database\n    return"),
).breaks("channel.delivers-on-postgresql")
