"""Measurements; no test depends on them."""
