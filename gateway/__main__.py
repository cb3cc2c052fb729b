"""`python -m gateway` is `memory-gateway`."""

from .cli import main

main()
