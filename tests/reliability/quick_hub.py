"""The command line, with a hub that removes what is old, and looks at the clock, every half second."""

from trunkline.cli import main
from trunkline.store import clock
from trunkline.stream import retention

retention.START_SECONDS = retention.ROUND_SECONDS = clock.LOOK_SECONDS = 0.5
main()
