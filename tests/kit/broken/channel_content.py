"""Channels with a defect in the content that they deliver."""

from tests.kit.broken.breaking import Broken, breaks
from tests.kit.broken.channel import CHANNEL, acme, delivering, pulled, pushing

says_nothing_of_itself = acme(channel=CHANNEL.replace("Posts each event to a room.", "posts")).breaks(
    "channel.is-described"
)


@breaks("channel.has-a-name-of-its-own")
def takes_the_name_of_a_built_in():
    broken = acme(channel=CHANNEL.replace('"acme"', '"webhooks"'))
    return Broken(broken.plugin, {**broken.attributes, "channel": "webhooks"})


rejects_everything = delivering("    return Result(Outcome.REJECTED, error='no')\n").breaks(
    "channel.delivers-an-event"
)

sends_everything_twice = delivering("    await post(push, http)\n    return await post(push, http)\n").breaks(
    "channel.delivers-once"
)

encodes_anew = pushing("replace(push, body=json.dumps(json.loads(push.body)).encode())").breaks(
    "channel.keeps-the-bytes"
)

knows_some_types_only = delivering(
    "    if push.event_type == 'payment.failed':\n"
    "        return Result(Outcome.DELIVERED, 200)\n"
    "    return await post(push, http)\n"
).breaks("channel.delivers-every-event-type")

speaks_ascii = pushing("replace(push, body=push.body.decode('ascii', 'ignore').encode())").breaks(
    "channel.keeps-any-text"
)

cuts_large_events = pushing("replace(push, body=push.body[:65536])").breaks("channel.takes-large-events")

notes_the_attempt_in_the_body = pushing("replace(push, body=push.body + b' ' * push.attempt)").breaks(
    "channel.sends-the-same-on-every-attempt"
)

shares_what_is_sent = acme(
    "current = {}\n\n"
    "async def deliver(push, http):\n"
    "    current['push'] = push\n"
    "    await asyncio.sleep(0)\n"
    "    return await post(current['push'], http)\n"
).breaks("channel.delivers-many-at-once")

loses_events_of_a_page = pulled("bodies[:2]").breaks("channel.gives-what-was-accepted")

gives_the_newest_first = pulled("bodies[::-1]").breaks("channel.gives-each-event-once-in-order")
