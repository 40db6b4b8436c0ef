"""How good the answers to searches are: ``python -m bench.search``."""
