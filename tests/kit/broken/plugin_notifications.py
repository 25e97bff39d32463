"""Plugins with a defect in a notification hook."""

from tests.kit.broken.acme import IMPORTS, TELLS_ATTEMPTS, TELLS_EVENTS, TELLS_SUBSCRIPTIONS, acme
from tests.kit.broken.breaking import breaks

build_slow_to_hear_of_events = acme(
    (TELLS_EVENTS, "    await asyncio.sleep(30)\n"), patience_seconds=1.0
).breaks("plugin.event-accepted-returns-in-time")

build_expecting_numbers = acme(
    (TELLS_EVENTS, "    for event in events:\n        json.loads(event.body)['payload']['client_id']\n")
).breaks("plugin.event-accepted-takes-anything")

build_slow_to_hear_of_attempts = acme(
    (TELLS_ATTEMPTS, "        import time; time.sleep(4)\n"), patience_seconds=1.0
).breaks("plugin.attempt-finished-returns-in-time")

build_expecting_answers = acme((TELLS_ATTEMPTS, "        attempt.result.status_code + 1\n")).breaks(
    "plugin.attempt-finished-takes-anything"
)

build_slow_to_hear_of_subscriptions = acme(
    (TELLS_SUBSCRIPTIONS, "    import time; time.sleep(4)\n"), patience_seconds=1.0
).breaks("plugin.subscription-changed-returns-in-time")


@breaks("plugin.subscription-changed-takes-anything")
def build_expecting_order():
    expects = "    KNOWN.remove(subscription.subscription_id) if subscription.status == 'deleted' else KNOWN.add(subscription.subscription_id)\n"
    return acme((TELLS_SUBSCRIPTIONS, expects), (IMPORTS, "import json\nKNOWN = set()\n"))


build_growing = acme(
    (TELLS_EVENTS, "    SEEN.extend(events)\n"), (IMPORTS, "import json\nSEEN = []\n")
).breaks("plugin.memory-does-not-grow")
