"""The values that all other packages use, and decisions over them: pure, without I/O."""
