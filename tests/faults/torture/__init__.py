"""Random clients and random faults for as long as one likes, and a model of what must hold all the same: `scripts/torture --help`."""
