"""The names of ``trunkline_kit``, the test kit for authors of plugins, from the distribution ``trunkline-kit``.

::

    from trunkline.testing import PluginConformance

    class TestAcme(PluginConformance):
        plugin = "acme"
        settings = {"acme.room": "general"}
"""

from typing import TYPE_CHECKING

try:
    import trunkline_kit
except ModuleNotFoundError as error:
    if error.name != "trunkline_kit":
        raise
    msg = "trunkline.testing comes with the conformance kit: pip install trunkline-kit"
    raise ImportError(msg, name="trunkline_kit") from None

__all__: list[str] = []
__all__ += trunkline_kit.__all__

if TYPE_CHECKING:
    from trunkline_kit import *  # noqa: F403 - the names that `__all__` lists
else:

    def __getattr__(name: str) -> object:
        return getattr(trunkline_kit, name)
