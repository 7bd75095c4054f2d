"""Measurements of `oxide` beside its peers and beside what the machine can do. `make bench` runs them."""
