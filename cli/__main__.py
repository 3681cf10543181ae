"""`python -m cli` is `firstclaim`."""

from cli import main

main()
