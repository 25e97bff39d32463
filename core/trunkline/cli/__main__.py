"""``python -m trunkline.cli``, by which the supervisor starts its processes independently of the PATH."""

from trunkline.cli import main

main()
