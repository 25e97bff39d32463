"""The documents of the API pass their linters, and clients made from them compile and call a hub: one or two a day, by turns.

``make clients`` makes all of them, one more of TypeScript and of Java, and Rust, which compiles for three minutes.
"""

import pytest
from tests.clients import __main__ as tools

BY_TURNS = ("hey-api", "java-okhttp-gson", "openapi-python-client", "go", "lint")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", BY_TURNS)
def test_the_documents_serve_their_tools(name, tmp_path):
    with tools.serving(tmp_path) as hub:
        tools.make(name, tmp_path, hub)
