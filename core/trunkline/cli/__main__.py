"""``python -m trunkline.cli``: how the supervisor starts its processes, whatever is on the PATH."""

from trunkline.cli import main

main()
