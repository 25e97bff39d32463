"""The guarded way out for channels that do not speak HTTP: a broker's protocol, a database's."""

import asyncio
from collections.abc import Sequence
from typing import Protocol


class Network(Protocol):
    """Dials what a customer names: every address is judged by the deployment's policy, as for HTTP.

    A server that the operator names in the plugin's settings needs none of it.
    """

    async def connect(
        self, host: str, port: int, *, company_id: int, tls: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection for a company, with *tls* one whose certificate is for *host*. Whoever opens it closes it.

        Raises:
            AddressRefused: the policy forbids where *host* leads.
            OSError, TimeoutError: there is no connection; its text is fit for the delivery log.
        """
        ...

    async def addresses(self, host: str, port: int, *, company_id: int) -> Sequence[str]:
        """Find the addresses that may be dialled for *host*: for a client library that takes an address beside the name.

        Dial one of them, and nothing else: another lookup may answer with an address that nobody has judged.

        Raises:
            AddressRefused: the policy forbids where *host* leads.
            OSError: its name does not resolve.
        """
        ...
