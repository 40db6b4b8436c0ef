"""Entry point of ``python -m vitrine``."""

from vitrine.cli import main

main()
