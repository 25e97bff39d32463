"""Checks of a delivery's content: the accepted event, whole, once, and equal on every attempt."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import orjson

from trunkline.contract import AcceptedEvent, Push
from trunkline.errors import PluginFailed
from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS, check, demand, fail, not_applicable
from trunkline_kit.far_sides import Arrival, FarSide
from trunkline_kit.sources import Source
from trunkline_kit.suites.channel_subject import ChannelSubject, OpenTrial
from trunkline_kit.suites.channel_trial import ChannelTrial, Subscribed
from trunkline_kit.suites.suite import built_ins

AT_ONCE = 200
A_SECOND = 1.1
CHANGING_HEADERS = ("webhook-timestamp", "webhook-signature", "trunkline-attempt", "traceparent")
LARGEST_BYTES = 250_000
"""Length of the largest event's text; the whole event is still below ``events.max_body_bytes``."""
HOSTILE = (
    "Zo\u00eb \U0001f98a \u202e\ufdfa e\u0301 \u2028 </script>\r\n.\r\nX-Evil: 1\t\"'\\ %s {0} \u007f \ufeff"
)

TIMES = 12
"""Number of repetitions of a text in an event: the text is too long for careless length limits, but not for chats."""

NESTED = Source(
    "nested_events",
    '''"""An event type with members in its fields."""

from trunkline import EventType, hookimpl

EXAMPLE = {"owner": {"name": "Zoe", "address": {"city": "Bremen"}}, "lines": [{"article": "Desk"}], "tags": ["oak"]}
FIELDS = {"owner": {"type": "object"}, "lines": {"type": "array"}, "tags": {"type": "array"}}


@hookimpl
def register_event_types():
    schema = {"type": "object", "properties": FIELDS, "examples": [EXAMPLE]}
    return [EventType("conformance.nested", "Nested", "An event with members in its fields.", schema)]
''',
)
"""A plugin with nested values, for checks of a rewriting channel: the hub's own event types have only plain values."""


class ContentChecks(ChannelSubject):
    """Checks of the body that arrives at the target."""

    @check("channel.is-described", level=LOADS)
    async def test_is_described(self, open_trial: OpenTrial) -> None:
        """The channel has a title and a description that is a sentence, and each member of its targets has a title, for people."""
        channel = (await open_trial(dispatch=False, pulled=True)).channel
        demand(
            channel.title.strip() and channel.description.strip().endswith("."),
            f"the channel '{channel.name}' has the title '{channel.title}' and the description '{channel.description}'; "
            "give it a title and a sentence that ends with a full stop",
        )
        members = channel.target.model_fields.items() if channel.target is not None else ()
        untitled = [name for name, member in members if not member.title]
        demand(
            not untitled,
            f"the targets of the channel '{channel.name}' have members without a title: {', '.join(untitled)}; the portal's form shows it, so "
            "write Field(title=…)",
        )

    @check("channel.has-a-name-of-its-own", level=LOADS)
    async def test_has_a_name_of_its_own(self, open_trial: OpenTrial) -> None:
        """The channel does not have the name of a channel that comes with trunkline."""
        try:
            await open_trial(beside=built_ins(), dispatch=False, pulled=True)
        except PluginFailed as error:
            fail(
                f"the channel '{self.channel}' does not stand beside the built-in ones ({error}); give it a name of its own"
            )

    @check("channel.delivers-an-event", level=DELIVERS)
    async def test_delivers_an_event(self, open_trial: OpenTrial) -> None:
        """An event of a subscription arrives at its target, and the delivery log shows it as delivered."""
        trial = await open_trial()
        await trial.delivered()

    @check("channel.delivers-once", level=DELIVERS)
    async def test_delivers_once(self, open_trial: OpenTrial) -> None:
        """An event that the target has accepted is not sent again."""
        trial = await open_trial()
        event, subscription, _ = await trial.delivered()
        later = await trial.emit()
        await trial.until_ended(later, subscription)
        arrived = await trial.arrivals(2)
        times = sum(arrival.is_of(str(event.event_id)) for arrival in arrived)
        demand(
            len(arrived) == 2 and times == 1,
            f"{trial.name} brought an event {times} times that the target took at once; it should come once",
        )

    def _demand_content(
        self, trial: ChannelTrial, arrival: Arrival, event: AcceptedEvent, *, whole: bool = True
    ) -> None:
        demand(
            arrival.is_of(str(event.event_id)),
            f"{trial.name} brought an event without its id {event.event_id}; the target needs it to know a repeated one",
        )
        if self.rewrites:
            demand(
                arrival.body != event.body,
                f"the suite of {trial.name} says 'rewrites', but what arrives is push.body as it is; leave it out",
            )
            text = self.read_body(arrival.body) if whole else None
            for value in _values(event.body) if text is not None else ():
                demand(
                    _words(value) in _words(text or ""),
                    f"{trial.name} wrote an event of the type '{event.type}' without '{value[:60]}', which its payload has; write each "
                    "field as it is, a number with its own digits (json.loads(…, parse_float=str))",
                )
        else:
            demand(
                arrival.body == event.body,
                f"{trial.name} brought other bytes than GET /api/v1/events gives; send push.body as it is, or set 'rewrites' "
                "in the suite",
            )

    @check("channel.keeps-the-bytes", level=DELIVERS)
    async def test_keeps_the_bytes(self, open_trial: OpenTrial) -> None:
        """The arrived body is the envelope, byte for byte; a rewriting channel's body has the event's id and the payload's values."""
        trial = await open_trial()
        event, subscription, arrival = await trial.delivered(trial.emit_exact_number)
        self._demand_content(trial, arrival, event)
        if self.rewrites:
            await self._demand_zeros(trial, subscription)

    async def _demand_zeros(self, trial: ChannelTrial, subscription: Subscribed) -> None:
        """Assert that a body has the same number of words whether a number in the event is zero or not."""
        place = trial.find_field(
            lambda schema: (
                str(schema.get("type")) in {"number", "integer"}
                and schema.get("minimum", 0) <= 0
                and not {"exclusiveMinimum", "multipleOf", "enum", "const"} & set(schema)
            )
        )
        if place is None:
            return
        kind, name = place
        counts: list[int] = []
        for number in (0, 7):
            event = await trial.emit(kind.name, fields={name: number})
            await trial.until_ended(event, subscription)
            arrived = [one for one in await trial.arrivals(2) if one.is_of(str(event.event_id))]
            counts.append(len((self.read_body(arrived[0].body) or "").split()) if arrived else -1)
        demand(
            counts[0] == counts[1],
            f"{trial.name} wrote an event of the type '{kind.name}' without '{name}', because it is 0; leave out only what is None",
        )

    @check("channel.delivers-every-event-type", level=DELIVERS)
    async def test_delivers_every_event_type(self, open_trial: OpenTrial) -> None:
        """The example of every event type arrives, including the objects and lists in the example."""
        trial = await open_trial(beside=[NESTED] if self.rewrites else [])
        subscription = await trial.subscribe()
        events = [await trial.emit(kind.name) for kind in trial.hub.catalog.types()]
        for event in events:
            await trial.until_ended(event, subscription)
        arrived = await trial.arrivals(len(events))
        for event in events:
            matches = [arrival for arrival in arrived if arrival.is_of(str(event.event_id))]
            demand(
                matches, f"{trial.name} lost an event of the type '{event.type}'; every type should arrive"
            )
            self._demand_content(trial, matches[0], event)

    @check("channel.keeps-any-text", level=DELIVERS)
    async def test_keeps_any_text(self, open_trial: OpenTrial) -> None:
        """An event with any text (every script, markup, line breaks, quotes) arrives."""
        trial = await open_trial()
        event, _, arrival = await trial.delivered(lambda: trial.emit_text(HOSTILE * TIMES))
        self._demand_content(trial, arrival, event)

    @check("channel.takes-large-events", level=DELIVERS)
    async def test_takes_large_events(self, open_trial: OpenTrial) -> None:
        """An event of the largest size that the hub accepts, 256 KiB, arrives."""
        trial = await open_trial()
        event, _, arrival = await trial.delivered(lambda: trial.emit_text("ü" * (LARGEST_BYTES // 2)))
        self._demand_content(trial, arrival, event, whole=False)

    @check("channel.sends-the-same-on-every-attempt", level=DELIVERS)
    async def test_sends_the_same_on_every_attempt(self, open_trial: OpenTrial) -> None:
        """Every attempt at a delivery has the same id, body and headers, however late the attempt is."""
        trial = await open_trial()
        event, subscription, first = await trial.delivered()
        detail = await trial.detail(event, subscription)
        assert detail is not None
        await asyncio.sleep(A_SECOND if first.headers else 0)  # headers are dated by the second
        await trial.hub.deliveries.retry(event.company_id, detail["id"])
        again = (await trial.arrivals(2))[1]
        demand(
            (again.event_id, again.key, again.body) == (first.event_id, first.key, first.body),
            f"{trial.name} sent another id or body on the second attempt at a delivery; both should be the same on each",
        )
        before, after = first.headers or {}, again.headers or {}
        changing = {*CHANGING_HEADERS, *self.changing_headers}
        changed = sorted(name for name in {*before, *after} - changing if before.get(name) != after.get(name))
        demand(
            not changed,
            f"{trial.name} sent another header '{', '.join(changed)}' on the second attempt at a delivery; make it of the event, or "
            "name it in 'changing_headers'",
        )

    @check("channel.delivers-many-at-once", level=COMPLETE)
    async def test_delivers_many_at_once(self, open_trial: OpenTrial) -> None:
        """In two hundred concurrent attempts, each event arrives whole at its own target."""
        trial = await open_trial(settings={"delivery.timeout_seconds": "30"})
        sides = [trial.far_side, await trial.another_side()]
        pushes = [_numbered(trial, number, side=sides[number % 2]) for number in range(AT_ONCE)]
        results = await asyncio.gather(*(trial.attempt(push, seconds=60) for push in pushes))
        failed = sum(result.outcome != "delivered" for result in results)
        demand(
            not failed, f"{trial.name} failed {failed} of {AT_ONCE} attempts that ran at once; all should go"
        )
        for number, side in enumerate(sides):
            arrived = await trial.arrivals(AT_ONCE // 2, side)
            for push in pushes[number::2]:
                copies = [arrival for arrival in arrived if arrival.is_of(push.event_id)]
                demand(
                    len(copies) == 1 and (self.rewrites or copies[0].body == push.body),
                    f"{trial.name} mixed up events or targets while {AT_ONCE} attempts ran at once; each should be by itself",
                )

    @check("channel.gives-what-was-accepted", level=DELIVERS)
    async def test_gives_what_was_accepted(self, open_trial: OpenTrial) -> None:
        """A pulled channel returns every event, byte for byte as it was accepted."""
        trial = await open_trial(pulled=True)
        events = await self._pulled(trial)
        bodies = await self.pull(trial.running)
        for event in events:
            demand(
                event.body in bodies,
                f"{trial.name} lost an event or altered its bytes; a reader should get each as it was accepted",
            )

    @check("channel.gives-each-event-once-in-order", level=DELIVERS)
    async def test_gives_each_event_once_in_order(self, open_trial: OpenTrial) -> None:
        """A reader of a pulled channel sees each event once, in the order of the stream."""
        trial = await open_trial(pulled=True)
        events = await self._pulled(trial)
        ids = [orjson.loads(body)["id"] for body in await self.pull(trial.running)]
        demand(
            ids == [event.event_id for event in events],
            f"{trial.name} gave the events {ids[:8]} to a reader where {[e.event_id for e in events][:8]} were accepted; "
            "it should give each once, oldest first",
        )

    async def _pulled(self, trial: ChannelTrial) -> list[AcceptedEvent]:
        if trial.channel.deliver is not None:
            not_applicable(f"{trial.name} is pushed, not pulled")
        types = [kind.name for kind in trial.hub.catalog.types()]
        events = [await trial.emit(types[number % len(types)]) for number in range(8)]
        await trial.emit(company_id=93)
        return events


def _values(body: bytes) -> Iterator[str]:
    """Yield each text and number of the payload in *body*; numbers as text, exactly as the body has them."""
    waiting = [json.loads(body, parse_float=str, parse_int=str)["payload"]]
    while waiting:
        match waiting.pop():
            case str() as value:
                yield value
            case dict() as inner:
                waiting += inner.values()
            case list() as items:
                waiting += items
            case _:
                pass


def _words(text: str) -> str:
    """Replace each run of white space in *text* with one blank, because a transport may change white space."""
    return " ".join(text.split())


def _numbered(trial: ChannelTrial, number: int, *, side: FarSide) -> Push[Any]:
    push = trial.push(side=side)
    body = push.body.replace(push.event_id.encode(), b"%d" % (10**12 + number))
    return trial.push(
        side=side, event_id=str(10**12 + number), delivery_id=f"dlv_{10**12 + number}_1", body=body
    )
