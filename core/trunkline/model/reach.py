"""The progress of a named consumer: the pages given out, the events committed, and the holder of each page.

The rules that keep several pollers of one consumer apart:

- ``position`` is the newest position that was given out. A new page begins after it, so no two pages overlap.
- A lease is a range of the log, after ``after`` and up to ``up_to``, that one poller holds. Its events are not committed.
- A commit removes the range, or its first part. Pages may be committed in any order.
- ``cursor`` is the position up to which all is committed: the lowest ``after`` of the remaining ranges; without any, ``position``.
- A range whose lease has lapsed is given out again, under another token, before any new range. A commit by its former
  holder is refused. So if the earlier of two pages lapses, the later page may still be committed, and the earlier page
  is not skipped.

A change is stored only if no other change was stored meanwhile (``store.consumers.change``). Clocks decide only when a
range may be given out again; tokens alone ensure that no page is committed twice.
"""

from collections.abc import Sequence

from msgspec import Struct, structs

KEPT = 8
"""The number of committed leases that are kept, so that a repeated commit gets the same answer."""


class Lease(Struct, frozen=True):
    """A range of the log that the holder of *token* has until *until_ms*. The range is empty once it is committed."""

    token: str
    after: int
    up_to: int
    until_ms: int

    @property
    def is_open(self) -> bool:
        """Whether the lease has uncommitted events."""
        return self.after < self.up_to


class Reach(Struct, frozen=True):
    """The progress of one consumer. *leases* are in the order in which they were given."""

    position: int
    leases: tuple[Lease, ...] = ()

    @property
    def open(self) -> Sequence[Lease]:
        """The leases with uncommitted events, including lapsed ones."""
        return [lease for lease in self.leases if lease.is_open]

    @property
    def cursor(self) -> int:
        """The position up to which everything is committed."""
        return min((lease.after for lease in self.open), default=self.position)

    def is_committed(self, position: int) -> bool:
        """Return whether the event at *position* was committed."""
        return position <= self.position and not any(one.after < position <= one.up_to for one in self.open)

    def lapsed(self, now_ms: int) -> Lease | None:
        """Return the lowest uncommitted range whose lease has lapsed at *now_ms*; None if there is none."""
        free = (lease for lease in self.open if lease.until_ms <= now_ms)
        return min(free, key=lambda lease: lease.after, default=None)

    def give(self, lease: Lease, *, instead_of: Lease | None = None) -> "Reach":
        """Add *lease*, which covers a new range or the first part of the lapsed range *instead_of*."""
        if instead_of is None:
            return Reach(lease.up_to, (*self.leases, lease))
        rest = self.pass_over(instead_of, lease.up_to)
        return structs.replace(rest, leases=(*rest.leases, lease))

    def shorten(self, lease: Lease, up_to: int) -> "Reach":
        """End *lease* at *up_to*; the rest of its range has no holder, and is the next to be given out."""
        rest = structs.replace(lease, token="", after=up_to, until_ms=0)
        return structs.replace(self, leases=(*self._but(lease), structs.replace(lease, up_to=up_to), rest))

    def pass_over(self, lapsed: Lease, up_to: int) -> "Reach":
        """Skip the part of a *lapsed* range up to *up_to*, because its events were removed."""
        rest = structs.replace(lapsed, after=up_to)
        return structs.replace(self, leases=(*self._but(lapsed), *((rest,) if rest.is_open else ())))

    def commit(self, token: str, position: int, *, now_ms: int) -> "Reach | None":
        """Commit the page with *token* up to *position*; return None if its lease has lapsed or the token is unknown.

        Raises ValueError: *position* is not within the page.
        """
        lease = next((one for one in self.leases if one.token == token), None)
        if lease is None or lease.until_ms <= now_ms:
            return None
        if not lease.after <= position <= lease.up_to:
            raise ValueError("is not within the page that was leased")
        leases = (*self._but(lease), structs.replace(lease, after=position))
        done = [each.token for each in leases if not each.is_open]
        return structs.replace(self, leases=tuple(each for each in leases if each.token not in done[:-KEPT]))

    def commit_all(self, position: int) -> "Reach":
        """Commit everything up to *position*, including ranges that pollers hold."""
        left = [lease for lease in self.open if lease.up_to > position]
        rest = tuple(structs.replace(lease, after=max(lease.after, position)) for lease in left)
        return Reach(max(self.position, position), rest)

    def _but(self, lease: Lease) -> tuple[Lease, ...]:
        return tuple(one for one in self.leases if one != lease)
