"""Limits the explanation of faults: an explanation may take only a certain number of steps. Pure."""

MAX_STEPS = 5_000
"""The steps of the explanation of one value: 25 to 50 ms at most. A faulty payload of the ten types takes about 50 steps."""


class TooMuch(Exception):
    """The budget has no steps left."""


class Budget:
    """The remaining steps of one explanation, or of all explanations of a request."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take *steps*. Raises TooMuch."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch
