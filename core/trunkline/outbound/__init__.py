"""HTTP to targets, the hub's only way to the network: every address is checked before it is dialled.

A channel's ``deliver`` gets an ``Outbound`` as its ``HttpClient``. The policy (``trunkline.targets.addresses``) checks the
URL, then every address that its name resolves to; only checked addresses are dialled, so DNS rebinding has no effect. No
redirect is followed, no cookie kept, no proxy taken from the environment, nothing decompressed.

``client`` makes one call, ``dialling`` a connection, ``pool`` keeps idle connections, ``connection`` makes exchanges on one,
``framing`` writes and reads HTTP/1.1, ``mending`` repairs heads that are nearly HTTP/1.1, ``tls`` names TLS faults and
resumes sessions, ``failures`` names errors, ``push`` is a delivery by HTTP,
``streams`` has connections for other protocols, and ``origins`` has the clients for origins that the operator names.
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
