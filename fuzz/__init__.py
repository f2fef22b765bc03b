"""Fuzzing and long faults: `python -m fuzz --help`, `python -m fuzz.kill`."""
