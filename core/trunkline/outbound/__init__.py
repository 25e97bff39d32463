"""HTTP to targets, the hub's only way to the network: every address is judged before it is dialled.

A channel's ``deliver`` gets an ``Outbound`` as its ``HttpClient``. The policy (``trunkline.targets.addresses``) judges the URL,
then every address that its name resolves to; the addresses that were judged are the ones that are dialled, so a name that
changes its answer in between gains nothing. No redirect is followed, no cookie kept, no proxy taken from the environment,
nothing decompressed.

``client`` makes one call, ``dialling`` a connection, ``pool`` keeps connections, ``connection`` has one exchange after the
other on one, ``framing`` writes and reads HTTP/1.1, ``mending`` mends heads that are nearly
HTTP/1.1, ``tls`` names its faults and resumes sessions, ``failures`` names what can go wrong, ``push`` is a delivery by HTTP,
``streams`` has connections for other protocols, and ``origins`` the clients for origins that the operator names.
"""

from trunkline.outbound.client import ClientOf, Outbound
from trunkline.outbound.dialling import Origin, guarded
from trunkline.outbound.failures import NoAnswer, error_of, was_sent_twice
from trunkline.outbound.framing import MAX_BODY_BYTES
from trunkline.outbound.resolving import Resolve, resolve_by_system
from trunkline.outbound.tls import tls_context

__all__ = [
    "MAX_BODY_BYTES",
    "ClientOf",
    "NoAnswer",
    "Origin",
    "Outbound",
    "Resolve",
    "error_of",
    "guarded",
    "resolve_by_system",
    "tls_context",
    "was_sent_twice",
]
