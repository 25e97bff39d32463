"""The services for readers: fetching events, and checking that no event is missing."""

from msgspec import Struct

from trunkline.access.company_limits import CompanyLimits
from trunkline.store.database import Database
from trunkline.stream.pages import Streaming
from trunkline.subscribing.consuming import Consumers
from trunkline.subscribing.digests import Digests
from trunkline.subscribing.finding import SubscriptionFinder
from trunkline.subscribing.interest import Interest
from trunkline.subscribing.leasing import Leasing
from trunkline.subscribing.requests import Checker


class Readers(Struct, frozen=True):
    """Access to named consumers, to digests of the log, and to the numbers of readers by event type."""

    consumers: Consumers
    leasing: Leasing
    digests: Digests
    interest: Interest


def make(
    database: Database,
    reading: Database,
    *,
    streaming: Streaming,
    checker: Checker,
    finder: SubscriptionFinder,
    limits: CompanyLimits,
) -> Readers:
    """Build the services over *database*; *reading* is used for read-only connections."""
    versions = checker.schema_versions
    leasing = Leasing(database, reading=reading, streaming=streaming, schema_versions=versions)
    return Readers(
        Consumers(
            database,
            reading=reading,
            streaming=streaming,
            checker=checker,
            limits=limits,
            leasing=leasing,
        ),
        leasing,
        Digests(reading, finder=finder, streaming=streaming, schema_versions=versions),
        Interest(reading, records=finder.records),
    )
