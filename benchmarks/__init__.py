"""Measurements, and hand-written cases that tests share with them."""
