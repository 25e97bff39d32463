"""Guarded outbound connections for channels that do not use HTTP, such as those of brokers and databases."""

import asyncio
from collections.abc import Sequence
from typing import Protocol


class Network(Protocol):
    """Connects to hosts that a customer names: the deployment's policy checks every address, as for HTTP.

    Do not use it for a server that the operator names in the plugin's settings.
    """

    async def connect(
        self, host: str, port: int, *, company_id: int, tls: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection for a company; with *tls*, the certificate must be for *host*. The caller closes the connection.

        Raises:
            AddressRefused: the policy forbids the address of *host*.
            OSError, TimeoutError: there is no connection; the error's text may be shown in the delivery log.
        """
        ...

    async def addresses(self, host: str, port: int, *, company_id: int) -> Sequence[str]:
        """Find the addresses that may be dialled for *host*, for a client library that takes an address in addition to the name.

        Dial only one of them: another lookup may answer with an address that was not checked.

        Raises:
            AddressRefused: the policy forbids the address of *host*.
            OSError: the name of *host* does not resolve.
        """
        ...
