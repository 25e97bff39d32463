"""Keeps the two environments of a company separate: each target may be used in only one of them.

Events of the test environment go only to subscriptions of the test environment. A test subscription with the target of
a live subscription would send example data to a system that works on real data, so such a subscription is refused. The
reverse is refused as well. Subscriptions that expire unless their holder renews them are not compared, because an agent
often has one address for all its connections.
"""

from collections.abc import Iterable

from trunkline.errors import TargetRefused
from trunkline.model.environments import environment_of, other_environment
from trunkline.store import subscriptions as store
from trunkline.store.connection import Connection
from trunkline.targets import urls


async def check_target_apart(connection: Connection, company_id: int, url: str, *, path: str) -> None:
    """Check that no subscription of the company's other environment has the target *url*. Raises TargetRefused, at *path*.

    Call it in a transaction that has locked the routing version, so that no subscription is added meanwhile.
    """
    other = other_environment(company_id)
    targets = await store.targets_of_companies(connection, [other])
    check_apart(company_id, url, targets.get(other, ()), path=path)


def check_apart(company_id: int, url: str, targets: Iterable[str], *, path: str) -> None:
    """Check that *url* is not among *targets* of the company's other environment. Raises TargetRefused, at *path* of the request."""
    if any(urls.is_same(url, target) for target in targets):
        own, other = environment_of(company_id), environment_of(other_environment(company_id))
        msg = (
            f"is the target of a subscription in this company's {other} environment, so it takes no events "
            f"of the {own} one; give each environment a target of its own"
        )
        raise TargetRefused(msg, path=path)
