"""A mail server for the alerts."""

import pytest
from tests.plugins.alerts.mail_server import MailServer


@pytest.fixture
async def mail_server():
    async with MailServer() as started:
        yield started
