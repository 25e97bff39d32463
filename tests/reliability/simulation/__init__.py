"""A deterministic simulation of the dispatcher: real decisions and real coroutines, virtual time, a database in memory.

Real: everything in ``trunkline.dispatch`` (``Dispatcher`` with its leases, reader, routing table, runner, slots, retries,
replay lane and settlement), ``SubscriptionChanges``, ``Streaming``, ``stream.append``, ``replay``, and the pure centre that they
use (``deliveries``, ``cursors``, ``filters``, ``subscriptions``, ``events``).

Modelled: asyncio's loop and the clock (``machines``), the database's transactions, row locks and outages (``database``), the
functions of ``trunkline.store`` after their SQL (``stores``), targets, and the faults of machines (``world``).

Left out: SQL itself, sockets, HTTP, signatures, retention, held channels. The other suites test those. The dispatcher's time limits
are shorter in proportion (``world.LIMITS``), so that a world ends sooner.
"""
