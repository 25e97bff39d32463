"""Actions, searches and lookups, and the routes of plugins."""

from attack import Attack
from row import row

_PATH = "/integrations"


@row()
async def records_made(attack: Attack) -> None:
    """Actions make as many leads and clients as the limits allow."""

    async def make(turn: int) -> None:
        kind = ("leads", "clients")[turn % 2]
        body = {"first_name": "M", "last_name": "D", "email": f"m{turn}@example.com"}
        await attack.call("POST", f"{_PATH}/{kind}", body, company=turn % 3)

    await attack.repeat(make, at_once=8)


@row()
async def searches(attack: Attack) -> None:
    """Searches without a match, by every field, as many as the limits allow."""

    async def search(turn: int) -> None:
        field = ("email=x@example.com", "phone=%2B1555", "external_id=nowhere")[turn % 3]
        await attack.call("GET", f"{_PATH}/clients/search?{field}", company=turn % 3)

    await attack.repeat(search, at_once=8)


@row()
async def lookups(attack: Attack) -> None:
    """Lists of dropdowns, filtered by a long text without a match."""

    async def look_up(turn: int) -> None:
        name = ("affiliates", "client-statuses", "clients", "employees")[turn % 4]
        await attack.call("GET", f"{_PATH}/lookups/{name}", company=turn % 3)

    await attack.repeat(look_up, at_once=8)


@row()
async def lists_of_records(attack: Attack) -> None:
    """Lists of many full records, filtered without a match, and notes of the maximum length."""
    body = {"first_name": "M", "last_name": "D", "email": "list@example.com"}
    made = await attack.call("POST", f"{_PATH}/clients", body)
    number = made.json().get("client_id", 1)

    async def read(turn: int) -> None:
        if turn % 5 == 0:
            await attack.call("POST", f"{_PATH}/clients/{number}/notes", {"text": "\U0001f98a" * 10_000})
        path = (
            "clients?limit=200",
            "clients?q=nobody-has-this&status=Client%20-%20Graduated",
            "leads?limit=200",
            f"clients/{number}/notes?limit=20",
        )[turn % 4]
        await attack.call("GET", f"{_PATH}/{path}", company=0 if "notes" in path else turn % 3)

    await attack.repeat(read, at_once=8)


@row()
async def one_record_changed(attack: Attack) -> None:
    """A hundred concurrent calls change the status of one client, repeatedly."""
    body = {"first_name": "M", "last_name": "D", "email": "one@example.com"}
    made = await attack.call("POST", f"{_PATH}/clients", body)
    number = made.json().get("client_id", 1)

    await attack.repeat(
        lambda turn: attack.call(
            "PATCH", f"{_PATH}/clients/{number}/status", {"new_status_id": 42 + turn % 2}
        ),
        at_once=100,
    )


@row()
async def employees(attack: Attack) -> None:
    """A plugin's own route adds as many employees as the limits allow."""

    await attack.repeat(
        lambda turn: attack.call("POST", f"{_PATH}/employees", {"full_name": f"E {turn}"}, company=turn % 3),
        at_once=8,
    )


@row()
async def long_notes(attack: Attack) -> None:
    """Notes of the maximum length are added to one client, four at a time."""
    body = {"first_name": "M", "last_name": "D", "email": "notes@example.com"}
    made = await attack.call("POST", f"{_PATH}/clients", body)
    number = made.json().get("client_id", 1)

    await attack.repeat(
        lambda _: attack.call("POST", f"{_PATH}/clients/{number}/notes", {"text": "n" * 9000}), at_once=4
    )
