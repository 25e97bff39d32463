"""``python -m trunkline``: the command line, whatever is on the PATH."""

from trunkline.cli import main

main()
