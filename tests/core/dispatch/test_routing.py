"""The routing table: the part of a route that is made at once, the part made at the company's first event, and evictions."""

import pytest

from trunkline.access.subscription_records import OpenedRow
from trunkline.contract import Channel
from trunkline.dispatch.reading.matching_lane import Budget
from trunkline.dispatch.routing import table as routing
from trunkline.dispatch.routing.table import RoutingTable
from trunkline.model.events import Draft, Event
from trunkline.model.pace import Pace, Rate
from trunkline.runtime.pauses import Pauses
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.store import subscriptions as store
from trunkline.store.subscriptions import Row

CONTENT = b'{"secrets":[["whsec_x",null]],"headers":{}}'
ONE_VERSION = SchemaVersions(SchemaCatalog([]))


async def _tell(*_):
    """Report a gap, as a channel's own function does."""


def row(no, *, company=92, types='["*"]', filter=None, status="active", content=CONTENT, **options):
    columns = dict.fromkeys(store.Row.__struct_fields__) | {
        "no": no,
        "id": f"sub_{no:020}",
        "company_id": company,
        "channel": "webhooks",
        "target_url": "https://example.com/",
        "event_types": types,
        "filter": filter,
        "signature": "standard",
        "status": status,
        "start_position": 0,
        "options": options,
    }
    return OpenedRow(Row(**columns), content)


def event(company=92, type="lead.created", payload=b"{}"):
    return Event(7, company, type, 0, Draft(company, type, "", payload).envelope(7))


@pytest.fixture
def made():
    """Collect the numbers of the subscriptions whose routes were made, in order."""
    return []


@pytest.fixture
def make_table(made):
    channel = Channel("webhooks", "Webhooks", "Push", tell_gap=_tell)

    def make(**treatment):
        def deliver_for(subscription, _):
            made.append(subscription.no)

        return RoutingTable(
            lambda _: channel, schema_versions=ONE_VERSION, deliver_for=deliver_for, treatment=treatment
        )

    return make


@pytest.fixture
def table(make_table):
    return make_table()


def matched(table, *args, **more):
    return [route.subscription.no for route in table.match(event(*args, **more))]


def test_the_routes_of_a_company_are_made_with_its_first_event_and_once(table, made):
    table.apply([row(1), row(2), row(3, company=17)])
    assert (made, len(table)) == ([], 3)
    assert matched(table) == matched(table) == [1, 2]
    assert made == [1, 2]
    assert table.route(3).subscription.company_id == 17
    assert table.route(3) is table.route(3)
    assert matched(table, 17) == [3]
    assert made == [1, 2, 3]
    assert matched(table, 18) == []


def test_types_groups_and_filters_are_those_of_the_rows(table):
    paid = '{"payload.status":"Paid"}'
    table.apply(
        [
            row(1, types='["lead.created"]'),
            row(2, types='["lead.*"]', filter=paid),
            row(3, filter=paid),
            row(4, types='["invoice.paid"]'),
        ]
    )
    assert matched(table) == [1]
    assert matched(table, payload=b'{"status":"Paid"}') == [1, 2, 3]
    assert matched(table, type="lead.updated", payload=b'{"status":"Paid"}') == [2, 3]
    assert matched(table, type="invoice.paid") == [4]
    assert matched(table, type="order.made") == []
    assert table.candidates(event()).cost == 2


@pytest.mark.parametrize("is_made", [False, True])
def test_a_change_is_followed_whether_or_not_the_route_was_made(table, is_made):
    table.apply([row(1), row(2)])
    if is_made:
        assert matched(table) == [1, 2]
    assert table.apply([row(1, types='["invoice.paid"]')]) == []
    assert matched(table) == [2]
    assert matched(table, type="invoice.paid") == [1, 2]
    assert table.apply([row(2, status="paused"), row(9, status="deleted")]) == [2]
    assert matched(table) == []
    assert (table.route(2), len(table)) == (None, 1)
    assert table.apply([row(1, content=None)]) == [1]
    assert matched(table, type="invoice.paid") == []
    table.apply([row(1), row(2)])
    assert matched(table) == [1, 2]


def test_what_the_lanes_look_for_is_made_at_once(table, made):
    table.apply([row(1, ordering="subscription"), row(2, gap_position=3), row(3, rate="5/second")])
    assert made == [1, 2]
    assert (table.ordered, table.gaps, table.paced) == ({1}, {2}, {3})
    table.apply([row(1), row(2), row(3)])
    assert (table.ordered, table.gaps, table.paced) == (set(), set(), set())


def test_whether_anything_has_a_pace_is_known_before_an_event(make_table, made):
    table = make_table()
    table.apply([row(1), row(2, max_in_flight=2), row(3, defaults={"rate": "9/minute"}), row(4, defaults={})])
    assert (table.paced, made) == ({2, 3}, [])
    assert [table.route(no).pace for no in (1, 2, 3)] == [None, Pace(2), Pace(None, Rate(9, 60))]
    of_deployment = make_table(max_in_flight=4)
    of_deployment.apply([row(1), row(2, max_in_flight=2)])
    assert of_deployment.paced == {1, 2}
    assert [of_deployment.route(no).pace for no in (1, 2)] == [Pace(4), Pace(2)]


def test_the_first_expiry_is_known_before_an_event(table):
    table.apply([row(1, expires_ms=5000), row(2, expires_ms=4000), row(3, expires_ms=3000, status="paused")])
    assert table.first_expiry_ms == 4000


def test_of_a_company_with_many_only_some_wait_for_its_event(table, made, monkeypatch):
    monkeypatch.setattr(routing, "MOST_PACKED", 3)
    table.apply(row(no) for no in range(1, 6))
    assert made == [4, 5]
    assert matched(table) == [1, 2, 3, 4, 5]


def test_of_many_companies_the_one_that_was_made_first_is_let_go_and_made_anew(table, made, monkeypatch):
    monkeypatch.setattr(routing, "MOST_INDEXED", 2)
    table.apply([row(no, company=no) for no in (1, 2, 3)] + [row(4, company=1, ordering="subscription")])
    first = table.route(1)
    for company in (1, 2, 3):
        assert matched(table, company)[0] == company
    assert made == [4, 1, 2, 3]
    assert len(table) == 4
    assert matched(table, 1) == [1, 4]
    assert made == [4, 1, 2, 3, 1]  # a route with an ordering stays
    assert table.route(1) is not first
    assert table.route(1).subscription == first.subscription
    table.apply([row(2, company=2, status="deleted")])
    assert matched(table, 2) == []


async def test_what_changes_while_a_starting_hub_reads_all_is_not_missed(open_house, receiver, monkeypatch):
    async with open_house(dispatch=False) as house:
        numbers = [await house.subscribe(f"{receiver.url}/before") for _ in range(3)]
    read = store.changed_since

    async def one_by_one(connection, version):
        async for rows in read(connection, version, at_once=1):
            yield rows
            if rows[0].no == numbers[0] and not version:
                for no in (numbers[0], numbers[2]):  # one is already read, one not yet
                    await house.execute(
                        "UPDATE subscriptions SET target_url = :url, version = :version WHERE no = :no",
                        url=f"{receiver.url}/after",
                        version=100 + no,
                        no=no,
                    )
                await house.execute("UPDATE routing SET version = :version", version=100 + numbers[2])

    monkeypatch.setattr(store, "changed_since", one_by_one)
    async with house.hub.engines, open_house() as started:  # the first hub has closed its connections
        house.hub = started.hub
        await house.deliver(to=numbers)
    assert sorted(request.path for request in receiver.requests) == ["/after", "/after", "/before"]


async def test_a_large_filter_is_read_in_the_matching_lane_with_the_first_event_of_its_type_that_comes(table):
    members = ",".join(f'"{number:05}"' for number in range(1000))
    large = f'{{"payload.status":{{"in":[{members}]}}}}'
    table.apply([row(1, filter=large), row(2, types='["lead.updated"]', filter=large), row(3)])
    routes, cost = table.candidates(event())
    assert cost == routing.UNREAD
    assert not Budget().allows(event(), cost)
    for payload, expected in ((b'{"status":"00007"}', [1, 3]), (b'{"status":"x"}', [3])):
        found = await table.match_with_pauses(event(payload=payload), routes, Pauses())
        assert [route.subscription.no for route in found] == expected
    assert table.candidates(event()).cost == 1
    assert table.route(2).cost == routing.UNREAD
