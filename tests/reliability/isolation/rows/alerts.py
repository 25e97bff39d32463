"""Alerts: rooms that hang while every target fails, and a company that endlessly requests previews and test messages."""

from attack import Attack
from row import row

from trunkline_kit.receiver import Answer, Hang

MAIL = {"ALERTS__SMTP_HOST": "127.0.0.1", "ALERTS__SMTP_PORT": "9", "ALERTS__SENDER": "hub@hub.example"}


@row(settings={"DELIVERY__FAILING_SPANS_SECONDS": "0"}, seconds=11.5)
async def alerts_into_rooms_that_hang(attack: Attack) -> None:
    """Fifty targets fail at once, and fifty rooms that hang get an alert about each."""
    attack.receiver.always(Answer(503))
    room = attack.target(Hang(), path="/room")
    for number in range(50):
        target = {"room": f"#{number}", "url": room}
        request = {"channel": "alerts_chat", "target": target, "event_types": ["operational.*"]}
        await attack.call("POST", "/subscriptions", request)
    await attack.subscribe(50, lambda n: f"{attack.receiver.url}/{n}")
    await attack.repeat(lambda _: attack.emit(20), pause_seconds=0.5)


@row(settings=MAIL)
async def previews_and_tests_of_alerts(attack: Attack) -> None:
    """A company changes its recipients and requests previews and test messages, as fast as it is answered, eight at a time."""
    recipients = {"alert_recipients": [f"{n}@mallory.example" for n in range(20)], "digest": True}

    async def ask(_: int) -> None:
        await attack.call("PATCH", "/alerts", recipients)
        await attack.call("GET", "/alerts/preview")
        await attack.call("POST", "/alerts/test")

    await attack.repeat(ask, at_once=8)
