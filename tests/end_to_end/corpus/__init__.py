"""Requests and responses written down by hand, each as its bytes on the wire; `case.py` says what one holds."""
