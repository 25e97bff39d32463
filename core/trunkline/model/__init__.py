"""The values that everything else speaks of, and the decisions over them: pure, without I/O."""
