"""`python -m gateway` is `memory-gateway`."""

from gateway.cli import main

main()
