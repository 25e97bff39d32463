"""The scripted HTTP receiver of the kit."""

from trunkline_kit import receiver
from trunkline_kit.receiver import *  # noqa: F403 - the names that `__all__` lists

__all__: list[str] = []
__all__ += receiver.__all__
