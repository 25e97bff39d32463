"""Keeps the two environments of a company separate: each target may be used in only one of them.

Events of the test environment go only to subscriptions of the test environment. A test subscription with the target of
a live subscription would send example data to a system that works on real data, so such a subscription is refused. The
reverse is refused as well. Subscriptions that expire unless their holder renews them are not compared, because an agent
often has one address for all its connections.
"""

from collections.abc import Iterable, Mapping

from trunkline.errors import TargetRefused
from trunkline.model.environments import environment_of, other_environment
from trunkline.targets import urls


def check_apart(company_id: int, url: str, targets: Mapping[int, Iterable[str]], *, path: str) -> None:
    """Check that *url* is not among the *targets* (by company) of the company's other environment. Raises TargetRefused, at *path*.

    Read *targets* in a transaction that has locked the routing version, so that no subscription is added meanwhile.
    """
    other_id = other_environment(company_id)
    if any(urls.is_same(url, target) for target in targets.get(other_id, ())):
        own, other = environment_of(company_id), environment_of(other_id)
        msg = (
            f"is the target of a subscription in this company's {other} environment, so it takes no events "
            f"of the {own} one; give each environment a target of its own"
        )
        raise TargetRefused(msg, path=path)
