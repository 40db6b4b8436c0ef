"""Products: what can be bought, at what price."""
