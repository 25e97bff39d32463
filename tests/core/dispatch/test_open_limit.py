"""The limit of deliveries in memory."""

from trunkline.dispatch.attempts.open_limit import COMPANY_HIGH_WATER, HIGH_WATER, of_live


def test_a_company_that_has_many_has_room_again_when_half_of_them_have_ended():
    room = of_live()
    for _ in range(COMPANY_HIGH_WATER):
        assert room.has_room_for(1)
        room.take(1)
    assert not room.has_room_for(1)
    assert room.has_room_for(2)
    assert room.has_room.is_set()
    for _ in range(COMPANY_HIGH_WATER // 2):
        room.give_back(1)
    assert not room.has_room_for(1)
    assert not room.company_has_room.is_set()
    room.give_back(1)
    assert room.has_room_for(1)
    assert room.company_has_room.is_set()


def test_the_live_lane_stops_when_all_have_many_and_reads_on_when_half_have_ended():
    room = of_live()
    for n in range(HIGH_WATER):
        assert room.has_room.is_set()
        room.take(n)
    assert not room.has_room.is_set()
    for n in range(HIGH_WATER // 2):
        room.give_back(n)
        assert not room.has_room.is_set()
    room.give_back(HIGH_WATER - 1)
    assert room.has_room.is_set()
    assert room.open == HIGH_WATER // 2 - 1
