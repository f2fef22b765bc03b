"""Fuzzing and long faults: `PYTHONPATH=tests python -m fuzz --help`, `python -m fuzz.kill`."""
