"""``python -m trunkline``: the command line, independently of the PATH."""

from trunkline.cli import main

main()
