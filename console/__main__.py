"""`python -m console` is `firstclaim`."""

from console.cli import main

main()
