"""``python -m trunkline.cli``: the supervisor starts its processes with it, independently of the PATH."""

from trunkline.cli import main

main()
