"""Actions on a deployment that crashes meanwhile: clients are made and moved to another status, one after the other.

Afterwards each record must have its event and each event its record, and every action that was answered must be stored once.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from calls import Call, answer_of

COMPANY = 4
"""The company of the records; nobody subscribes to its events."""
CLIENTS = 10
ACTIVE, ON_HOLD = 42, 43
RECORDS = f"SELECT id, email, status_id FROM crm_clients WHERE company_id = {COMPANY}"


class Actor:
    """Acts for ``COMPANY``; calls without an answer are sent again."""

    def __init__(self, case: int, chance: random.Random) -> None:
        self._case = case
        self._chance = random.Random(chance.random())
        self.made: dict[str, int] = {}
        """By email: the client_id in the answer to its create."""
        self.moved: set[int] = set()
        self.surprises: list[str] = []

    async def run(self, call: Call) -> None:
        """Make every client, and change the status of every second one."""
        for number in range(CLIENTS):
            name = f"{self._case}-{number}"
            body: dict[str, Any] = {"first_name": "Jane", "last_name": "Doe", "email": f"{name}@example.com"}
            has_key = self._chance.random() < 0.5
            if not has_key or self._chance.random() < 0.5:
                body["external_id"] = name
            answer = await self._send(call, "POST", "clients", body, key=name if has_key else None)
            if answer is None:
                continue
            self.made[body["email"]] = client_id = answer["client_id"]
            if number % 2:
                path = f"clients/{client_id}/status"
                wanted = {"new_status_id": ON_HOLD}
                if await self._send(call, "PATCH", path, wanted, key=f"{name}-moved") is not None:
                    self.moved.add(client_id)

    async def _send(
        self, call: Call, method: str, path: str, body: Any, *, key: str | None
    ) -> dict[str, Any] | None:
        status, answer = await answer_of(
            *(call, method, f"/integrations/{path}", body),
            pause=lambda: self._chance.uniform(0, 0.02),
            company=COMPANY,
            key=key,
        )
        if status in {200, 201}:
            return answer
        self.surprises.append(f"{method} {path} {body} was answered with {status}: {answer}")
        return None

    def check(self, records: Sequence[Any], events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Compare the answers with the *records* (``RECORDS``) and the *events* of the company; give every fault."""
        created = Counter(_clients_of(events, "client.created"))
        changed = Counter(_clients_of(events, "client.status_changed"))
        ids = [record.id for record in records]
        if created != Counter(ids):
            yield f"records {sorted(ids)} were made, events tell of {sorted(created.elements())}"
        if changed != Counter(record.id for record in records if record.status_id == ON_HOLD):
            yield f"status_changed events of {sorted(changed.elements())} are not those of {list(records)}"
        by_email = {record.email: record.id for record in records}
        if len(by_email) < len(ids):
            yield f"a client was made twice: {list(records)}"
        if lost := {email for email, client_id in self.made.items() if by_email.get(email) != client_id}:
            yield f"made, but not there as answered: {sorted(lost)}"
        if lost := self.moved - changed.keys():
            yield f"moved, but without an event: {sorted(lost)}"


def _clients_of(events: Sequence[Mapping[str, Any]], type: str) -> Iterator[int]:
    return (event["payload"]["client_id"] for event in events if event["type"] == type)
