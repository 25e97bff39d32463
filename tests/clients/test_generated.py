"""Clients that generators make from the OpenAPI document compile, and call a hub; by turns, one language on one of three days.

``make clients`` makes the others, too.
"""

import pytest
from tests.clients import __main__ as generators


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["openapi-python-client", "java-okhttp-gson", "rust", "hey-api", "go"])
def test_a_generated_client_compiles_and_calls_a_hub(name, tmp_path):
    with generators.serving(tmp_path) as hub:
        generators.make(name, tmp_path, hub)
