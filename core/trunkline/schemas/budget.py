"""The limit of explanations: the steps that one may take. Pure."""

MAX_STEPS = 5_000
"""Steps of the explanation of one value: 25 to 50 ms at most. A faulty payload of the ten types takes about 50 steps."""


class TooMuch(Exception):
    """No steps are left."""


class Budget:
    """The steps left for one explanation, or for all those of one request."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take *steps*. Raises TooMuch."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch
