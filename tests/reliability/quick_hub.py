"""The command line, with a hub whose retention and clock check run every half second."""

from trunkline.cli import main
from trunkline.store import clock
from trunkline.stream import retention

retention.START_SECONDS = retention.ROUND_SECONDS = clock.LOOK_SECONDS = 0.5
main()
