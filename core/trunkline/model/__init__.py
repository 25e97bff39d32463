"""The values that all other packages use, and pure functions that decide something about them. No I/O."""
