"""The bound of explanations: how many steps one may take. Pure."""

MAX_STEPS = 5_000
"""Steps of the explanation of one value: 25 to 50 ms at the most. A faulty payload of the ten types takes about 50."""


class TooMuch(Exception):
    """There are no steps left."""


class Budget:
    """The steps that are left to one explanation, or to several that one request asks for."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take *steps*. Raises TooMuch."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch
