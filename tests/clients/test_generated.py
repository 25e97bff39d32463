"""The documents of the API pass their linters, and clients made from them compile and call a hub: two of six a day, by turns.

``make clients`` makes all of them, and one more of TypeScript and of Java.
"""

import pytest
from tests.clients import __main__ as tools

TWO_A_DAY = ("rust", "hey-api", "java-okhttp-gson", "openapi-python-client", "go", "lint")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", TWO_A_DAY)
def test_the_documents_serve_their_tools(name, tmp_path):
    with tools.serving(tmp_path) as hub:
        tools.make(name, tmp_path, hub)
