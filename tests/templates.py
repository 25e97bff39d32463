"""The compiled Jinja templates for all hubs of a test run, because each hub makes a separate environment."""

import contextlib
from collections.abc import Iterator
from functools import partial

import pytest
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket

import trunkline_docs.rendering
import trunkline_portal.templating


class _Compiled(BytecodeCache):
    """Keeps code in memory."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._code.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


@contextlib.contextmanager
def compiled_once() -> Iterator[None]:
    """Compile each template of the portal and of the documentation only once."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (trunkline_portal.templating, trunkline_docs.rendering):
            patch.setattr(module, "Environment", partial(Environment, bytecode_cache=_Compiled()))
        yield
