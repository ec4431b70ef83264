"""Measurements, printed and never asserted. `python -m benchmarks --help`."""
